"""Take a model's drift of colour and brightness out of its picture, by what it made of the pixels that should not change."""

from __future__ import annotations

from math import ceil

import numpy as np

from .arrays import Array
from .extend import extend
from .resize import magnify

FIELD_CELLS = 32
"""Cells of the correction along the longer side: fine enough for a gradient of light, too coarse to hold a thing."""

LEAST_CELL = 8
"""Pixels of a cell's side at least: the latent's. Below it differences are detail that the model could not keep."""

MAX_CORRECTION = 0.12
"""Greatest change of a channel. Drift of autoencoders and few-step models stays below a tenth; more than this is not drift
but other content, which must not be tinted away."""


def match_colour(result: Array, original: Array, mask: Array, limit: float = MAX_CORRECTION) -> Array:
    """Return `result` with the low frequencies of its difference to the original taken out, as seen outside the mask.

    `result` and `original` have shape [h, w, 3], `mask` [h, w]. Only pixels where the mask is 0 are looked at. Their
    difference, of at most `limit` each, is averaged over cells and continued into the mask, where the details of that field
    fade with the distance: far inside it is the mean of the surroundings. The result is cut to 0..1; where nothing lies
    outside the mask, or nothing differs there, it comes back as it is.
    """
    outside = mask <= 0
    if not outside.any():
        return result
    height, width = mask.shape
    drift = np.zeros_like(result)
    np.subtract(original, result, out=drift, where=outside[..., None])
    np.clip(drift, -limit, limit, out=drift)
    if not drift.any():
        return result
    cell = max(LEAST_CELL, ceil(max(height, width) / FIELD_CELLS))
    known = _cell_means(outside[..., None].astype(np.float32), cell)
    sums = _cell_means(drift, cell)
    means = np.divide(sums, known, out=np.zeros_like(sums), where=known > 0)
    field = magnify(extend(means, known[..., 0]), cell)[:height, :width]
    matched: Array = np.clip(result + field, 0, 1)
    return matched


def _cell_means(array: Array, cell: int) -> Array:
    """Return the means of squares of `cell` pixels; those that stick out repeat the border."""
    height, width, channels = array.shape
    padded = np.pad(array, ((0, -height % cell), (0, -width % cell), (0, 0)), mode="edge")
    # rows first: they lie in one piece
    rows = padded.reshape(-1, cell, padded.shape[1] * channels).sum(axis=1)
    means: Array = rows.reshape(len(rows), -1, cell, channels).sum(axis=2) / np.float32(cell * cell)
    return means
