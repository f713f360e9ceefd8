"""Differential diffusion: a soft mask says in how many of the steps each place may change.

Levin and Fried 2023, "Differential Diffusion: Giving Each Pixel Its Strength", arXiv 2306.00950.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arrays import Array


def to_latent_mask(mask: Array, scale: int) -> Array:
    """Return the mask of shape [h, w] for latents of `scale` pixels a side: the greatest value that each of them covers.

    A latent that the mask touches has to change for the touched pixel's sake, and as much as that pixel asks; a mean would
    keep it for most steps. Its untouched pixels are not lost by that: the composite takes them from the original.

    Raises ValueError when the sides are no multiples of `scale`.
    """
    height, width = mask.shape
    if height % scale or width % scale:
        raise ValueError(f"a mask of {width} x {height} does not fall into latents of {scale} pixels")
    latents: Array = mask.reshape(height // scale, scale, width // scale, scale).max(axis=1).max(axis=2)
    return latents


def kept(mask: npt.NDArray[np.floating], step: int, steps: int) -> npt.NDArray[np.bool_]:
    """Return where the original's latents, noised for this step, replace the current ones before step `step` is taken.

    `steps` is how many are run, at least 1; `step` counts from 0 to `steps`, where `steps` asks after the last one: where
    to return to the original's clean latents. A value v is kept in the first n = round((1 - v) * steps) of them (halves
    up) and free in the rest: 0 always kept, and at the end too; 1 never. What rounds to all steps is treated as 0.
    """
    if not 0 <= step <= steps or steps < 1:
        raise ValueError(f"step must lie between 0 and {steps}, got {step}")
    held = np.floor((1.0 - np.asarray(mask, np.float64)) * steps + 0.5)
    return held > min(step, steps - 1)
