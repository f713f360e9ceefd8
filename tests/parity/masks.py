"""What a mask of ours does in a case: exact properties, each as the number of latents, or columns of them, where it does not hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from backend.engine.denoise import denoise
from backend.prompts import Prompt

from .case import Both
from .measures import our_latents, sampled


def references(both: Both) -> list[torch.Tensor]:
    """What a case that edits is shown."""
    return [both.picture()] if both.case.edits else []


def level(both: Both, value: float) -> torch.Tensor:
    """A mask of one value."""
    return torch.full_like(both.mask(), value)


def white_is_not_none(both: Both, strength: float) -> int:
    """Latents that differ between a white mask and none."""
    sampling, picture = sampled(both, strength), both.picture()
    masked = our_latents(both, sampling, picture, level(both, 1.0), references(both))
    return int((masked != our_latents(both, sampling, picture, None, references(both))).sum())


def black_is_not_kept(both: Both, strength: float) -> int:
    """Latents that differ between the original and what a black mask leaves."""
    sampling, picture = sampled(both, strength), both.picture()
    encoded = both.adapter.encode_image(picture)
    original = encoded.mean
    if strength < 1:
        original = encoded.sample([torch.Generator("cpu").manual_seed(sampling.seeds[0])])
    return int((our_latents(both, sampling, picture, level(both, 0.0), references(both)) != original).sum())


def soft_is_not_timed(both: Both, strength: float) -> int:
    """Columns that the denoiser sees as the noised original for another number of steps than their value says.

    Each column has a value of its own, from 0 to 1.
    """
    columns = both.adapter.latent_shape(both.case.extent)[-1]
    soft = np.tile(np.linspace(0, 1, columns, dtype=np.float32), (both.adapter.latent_shape(both.case.extent)[-2], 1))
    painted, untouched = _seen(both, strength, soft), _seen(both, strength, np.zeros_like(soft))
    steps = len(painted)
    same = torch.stack([(one == other).all(dim=0).all(dim=0) for one, other in zip(painted, untouched, strict=True)])
    wrong = 0
    for column, value in enumerate(soft[0]):
        expected = math.floor(steps * (1 - float(value)) + 0.5)
        # at the first step all is noise yet, and what stays is not told from what does not
        wrong += int(same[1:, column].sum()) != max(0, expected - 1)
    return wrong


def _seen(both: Both, strength: float, mask: npt.NDArray[np.float32]) -> list[torch.Tensor]:
    """The latents that the denoiser is shown, step by step."""
    adapter, extent, picture = both.adapter, both.case.extent, both.picture()
    conditioning = adapter.encode_text(Prompt.of("a house"), None, references(both))
    beside = adapter.beside(picture, None, references(both), extent)
    seen: list[torch.Tensor] = []

    class Watch:
        def __getattr__(self, name: str) -> Any:
            return getattr(adapter, name)

        def predict(self, latents: torch.Tensor, *others: Any) -> torch.Tensor:
            seen.append(latents[0].clone())
            return adapter.predict(latents, *others)

    sampling = sampled(both, strength, guidance=1.0)
    for _ in denoise(Watch(), conditioning, sampling, extent, adapter.encode_image(picture), mask, beside):
        pass
    return seen
