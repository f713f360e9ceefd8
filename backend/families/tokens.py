"""Latents as the tokens of a transformer: two by two latent pixels make one, as in FLUX.1 and its kin."""

from __future__ import annotations

import torch

from protocol import Extent

SIDE = 2
"""Latent pixels of a token on each side."""


def pack(latents: torch.Tensor) -> torch.Tensor:
    """Latents `[n, channels, height, width]` of even sides as tokens `[n, height / 2 * width / 2, channels * 4]`, row by row."""
    count, channels, height, width = latents.shape
    cells = latents.view(count, channels, height // SIDE, SIDE, width // SIDE, SIDE)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels * SIDE * SIDE)


def unpack(tokens: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The way back to latents `[n, channels, height, width]`; of more tokens than these the first ones are taken."""
    rows, columns = height // SIDE, width // SIDE
    count, _, depth = tokens.shape
    cells = tokens[:, : rows * columns].reshape(count, rows, columns, depth // SIDE**2, SIDE, SIDE)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(count, -1, height, width)


def packed_shape(extent: Extent, channels: int, scale: int) -> tuple[int, ...]:
    """Shape of the latents of a picture, `scale` pixels each; raises ValueError when they do not make up whole tokens."""
    side = scale * SIDE
    if extent.width % side or extent.height % side:
        raise ValueError(f"{extent} pixels are no multiple of {side}")
    return (1, channels, extent.height // scale, extent.width // scale)


def tokens_of(extent: Extent, scale: int) -> int:
    """How many tokens a picture has."""
    return (extent.width // (scale * SIDE)) * (extent.height // (scale * SIDE))
