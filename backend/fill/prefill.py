"""What stands where nothing is, or where something else shall be, before a model paints there."""

from __future__ import annotations

import numpy as np

from .arrays import Array
from .extend import extend

PAPER = np.float32(1)
"""Every channel of a picture in which nothing is opaque: white, as a new canvas is."""

NEUTRAL = np.float32(0.5)
"""Every channel beneath a mask that leaves nothing to continue: grey, the middle of what a model can make of it."""


def flatten(rgba: Array) -> Array:
    """Return [h, w, 3] of [h, w, 4] with straight alpha: what is opaque lies on its own blurred continuation.

    A model sees colours that belong to the picture rather than a black or white sheet. White where nothing is opaque.
    """
    colours, opacity = rgba[..., :3], rgba[..., 3]
    if opacity.min() >= 1:
        return colours.copy()
    if not opacity.any():
        return np.full_like(colours, PAPER)
    return np.clip(extend(colours, opacity), 0, 1)


def blur_fill(rgb: Array, mask: Array) -> Array:
    """Return [h, w, 3] with what is masked replaced by its blurred surroundings, the blurrier the deeper inside.

    `mask` has shape [h, w]; what it masks in part is replaced in part, and where it is 0 every bit stays. Masked pixels
    count as little as they are masked; where all is masked, the fill is grey.
    """
    known = 1 - mask
    return extend(rgb, known) if known.any() else np.full_like(rgb, NEUTRAL)
