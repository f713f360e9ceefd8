"""Paints whole batches of scenes at once with torch, on whatever device the textures lie on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from .colours import HUES, dominant, recolour
from .icons import SIDE as TEXTURE_SIDE
from .icons import Icons
from .nouns import BY_WORD
from .places import numbers
from .scenes import Scene, Texture

LEVELS: Final = 3
"""Each texture is kept at full, half and quarter size: sampling a large one for a small place would leave out pixels."""

STARS: Final = 14
"""Stars in a night sky."""


class Atlas:
    """Every texture of some nouns and sets: premultiplied RGBA bytes in three sizes."""

    def __init__(
        self, icons: Icons, nouns: Sequence[str], origins: tuple[str, ...], turn: bool, device: torch.device
    ) -> None:
        self.textures: list[Texture] = []
        stack: list[npt.NDArray[np.uint8]] = []
        for noun in nouns:
            for drawing in icons.of(BY_WORD[noun].label, origins):
                pixels = icons.pixels(drawing)
                own = dominant(pixels)
                versions = [(own, False, pixels)]
                for word in HUES if turn else ():
                    turned = None if word == own else recolour(pixels, word)
                    if turned is not None:
                        versions.append((word, True, turned))
                for colour, is_turned, rgba in versions:
                    self.textures.append(Texture(noun, drawing.origin, colour, is_turned, len(stack)))
                    stack.append(premultiplied(rgba))
        full = torch.from_numpy(np.stack(stack))
        self.levels = [full.to(device)]
        for _ in range(LEVELS - 1):
            full = F.avg_pool2d(full.float(), 2).round().to(torch.uint8)
            self.levels.append(full.to(device))

    @property
    def device(self) -> torch.device:
        """Where the textures lie, and where scenes are painted."""
        return self.levels[0].device


def premultiplied(rgba: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Straight RGBA (side, side, 4) as premultiplied planes (4, side, side)."""
    planes = rgba.astype(np.float32).transpose(2, 0, 1)
    planes[:3] *= planes[3:] / 255
    return planes.round().astype(np.uint8)


def backgrounds(parameters: Tensor, side: int) -> Tensor:
    """Backgrounds from their numbers (count, PARAMETERS), as (count, 3, side, side), 0 to 1."""
    count, device = len(parameters), parameters.device
    colours = parameters[:, :15].view(count, 5, 3, 1, 1)
    top, bottom, far, near, band = colours.unbind(1)
    horizon, wave, waves, phase, band_height = (parameters[:, 15 + index].view(-1, 1, 1, 1) for index in range(5))
    axis = (torch.arange(side, device=device) + 0.5) / side
    ys, xs = axis.view(1, 1, -1, 1), axis.view(1, 1, 1, -1)
    line = horizon + wave * torch.sin(2 * torch.pi * waves * xs + phase)
    sky = torch.lerp(top, bottom, (ys / horizon.clamp(min=0.1)).clamp(0, 1))
    sky = sky + parameters[:, 20].view(-1, 1, 1, 1) * starlight(parameters[:, 21], side)
    edge = (((ys - line + band_height) * side) + 0.5).clamp(0, 1) * (band_height > 0)
    sky = torch.lerp(sky, band, edge)
    ground = torch.lerp(far, near, ((ys - line) / (1 - horizon).clamp(min=0.1)).clamp(0, 1))
    return torch.lerp(sky, ground, ((ys - line) * side + 0.5).clamp(0, 1)).clamp(0, 1)


def starlight(seeds: Tensor, side: int) -> Tensor:
    """Small round lights, (count, 1, side, side), 0 to 1, the same for the same seed."""
    index = torch.arange(STARS, device=seeds.device).view(1, -1) + 1
    spread = torch.frac(torch.sin(seeds.view(-1, 1) * 12.9898 + index * 78.233) * 437.585).abs()
    other = torch.frac(torch.sin(seeds.view(-1, 1) * 39.3468 + index * 11.135) * 915.412).abs() * 0.6
    axis = (torch.arange(side, device=seeds.device) + 0.5) / side
    across = (axis.view(1, 1, -1) - spread.unsqueeze(-1)).square()
    down = (axis.view(1, 1, -1) - other.unsqueeze(-1)).square()
    nearest = (down.unsqueeze(-1) + across.unsqueeze(-2)).amin(1, keepdim=True)
    return (1.5 - nearest.sqrt() * 128).clamp(0, 1) * 0.8


@dataclass(frozen=True, slots=True)
class Layer:
    """One item each of some scenes: which scenes, which textures, at which level, and the affine maps to sample them by."""

    scenes: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    levels: npt.NDArray[np.int64]
    theta: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Scenes as numbers alone: any process can make them, and any device can paint them."""

    backgrounds: npt.NDArray[np.float32]
    layers: tuple[Layer, ...]


def arrange(scenes: Sequence[Scene], side: int, rng: np.random.Generator) -> Arrangement:
    """Scenes as numbers for pictures of `side` pixels; `rng` varies the backgrounds."""
    most = max((len(scene.items) for scene in scenes), default=0)
    layers = tuple(arrange_layer(scenes, layer, side) for layer in range(most))
    return Arrangement(np.stack([numbers(scene.place, rng) for scene in scenes]), layers)


def arrange_layer(scenes: Sequence[Scene], layer: int, side: int) -> Layer:
    """The items of one layer, of the scenes that have so many."""
    where = [index for index, scene in enumerate(scenes) if len(scene.items) > layer]
    items = [scenes[index].items[layer] for index in where]
    values = np.array([(i.x, i.y, i.size, -1.0 if i.flip else 1.0, i.angle) for i in items], np.float32)
    x, y, size, flip, angle = values.T
    cosine, sine = np.cos(angle) / size, np.sin(angle) / size
    across, down = np.stack([flip * cosine, flip * sine], 1), np.stack([-sine, cosine], 1)
    middle = np.stack([2 * x - 1, 2 * y - 1], 1)
    shift = -np.stack([(across * middle).sum(1), (down * middle).sum(1)], 1)
    theta = np.concatenate([np.stack([across, down], 1), shift[:, :, None]], 2)
    # The smallest level that is not enlarged by more than a tenth.
    shrunk = np.log2(TEXTURE_SIDE * 1.1 / (size * side))
    levels = np.clip(np.floor(shrunk), 0, LEVELS - 1).astype(np.int64)
    rows = np.array([item.texture.row for item in items], np.int64)
    return Layer(np.array(where, np.int64), rows, levels, theta.astype(np.float32))


def paint(atlas: Atlas, scenes: Sequence[Scene], side: int, rng: np.random.Generator) -> Tensor:
    """The scenes as pictures (count, 3, side, side), 0 to 1; `rng` varies the backgrounds."""
    return paint_arranged(atlas, arrange(scenes, side, rng), side)


def paint_arranged(atlas: Atlas, arranged: Arrangement, side: int) -> Tensor:
    """Pictures (count, 3, side, side), 0 to 1, of scenes that were arranged for that side."""
    pictures = backgrounds(torch.from_numpy(arranged.backgrounds).to(atlas.device), side)
    for layer in arranged.layers:
        for level, textures in enumerate(atlas.levels):
            chosen = np.flatnonzero(layer.levels == level)
            if not len(chosen):
                continue
            theta, rows, scenes = (
                torch.from_numpy(values[chosen]).to(atlas.device) for values in (layer.theta, layer.rows, layer.scenes)
            )
            grid = F.affine_grid(theta, [len(chosen), 4, side, side], align_corners=False)
            placed = F.grid_sample(textures[rows].float() / 255, grid, align_corners=False)
            pictures[scenes] = pictures[scenes] * (1 - placed[:, 3:]) + placed[:, :3]
    return pictures.clamp(0, 1)


def scribble(pictures: Tensor, threshold: float = 0.14) -> Tensor:
    """White lines on black where a picture (count, 3, side, side) has edges, inner ones too: (count, 3, side, side), 0 or 1."""
    soft = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    across = F.pad((soft[..., 2:] - soft[..., :-2]).abs().amax(1, keepdim=True), (1, 1, 0, 0))
    down = F.pad((soft[..., 2:, :] - soft[..., :-2, :]).abs().amax(1, keepdim=True), (0, 0, 1, 1))
    return (torch.maximum(across, down) > threshold).float().expand(-1, 3, -1, -1)
