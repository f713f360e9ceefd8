"""Take a model's drift of colour and brightness out of its picture, by what it made of the pixels that should not change."""

from __future__ import annotations

from functools import reduce
from math import ceil

import numpy as np

from .arrays import Array
from .extend import extend
from .resize import magnify

FIELD_CELLS = 32
"""Cells of the correction along the longer side: fine enough for a gradient of light, too coarse to hold a thing."""

LEAST_CELL = 8
"""Pixels of a cell's side at least: the latent's. Below it differences are detail that the model could not keep."""

MAX_DRIFT = 0.2
"""Greatest difference of a channel that counts as drift: that of autoencoders and few-step models stays below a tenth. More is
other content, which must neither be tinted away nor tint."""


def match_colour(result: Array, original: Array, mask: Array) -> Array:
    """Return `result` with the low frequencies of its difference to the original taken out, as seen outside the mask.

    `result` and `original` have shape [h, w, 3]. `mask` has shape [h, w] and is the painter's own: best of all the drift is seen
    where the model painted past it. Only pixels where it is 0 are looked at, and of these the less the more they differ:
    not at all from MAX_DRIFT on, by Tukey's biweight, for there the model has painted something else. The difference is
    averaged over cells and continued into the mask, where the details of that field fade with the distance: far inside
    it is the mean of the surroundings. It is never more than MAX_DRIFT.

    The result is cut to 0..1. Where nothing outside the mask counts, or nothing differs there, it comes back as it is.
    """
    drift: Array = np.subtract(original, result, out=np.zeros_like(result), where=(mask <= 0)[..., None])
    weights = _biweight(drift) * (mask <= 0)
    if not weights.any() or not drift.any():
        return result
    height, width = mask.shape
    cell = max(LEAST_CELL, ceil(max(height, width) / FIELD_CELLS))
    known = _cell_means(weights[..., None], cell)
    sums = _cell_means(drift * weights[..., None], cell)
    means = np.divide(sums, known, out=np.zeros_like(sums), where=known > 0)
    field = magnify(extend(means, known[..., 0]), cell)[:height, :width]
    matched: Array = np.clip(result + field, 0, 1)
    return matched


def _biweight(drift: Array) -> Array:
    """Return from [h, w, 3] how much each pixel counts, [h, w]: 1 without drift, falling smoothly to 0 at MAX_DRIFT."""
    sizes = np.abs(drift)
    # channel by channel: along so short an axis, numpy takes several times as long
    worst: Array = reduce(np.maximum, (sizes[..., channel] for channel in range(sizes.shape[2])))
    share = np.minimum(worst / np.float32(MAX_DRIFT), 1)
    weights: Array = np.square(1 - np.square(share))
    return weights


def _cell_means(array: Array, cell: int) -> Array:
    """Return the means of squares of `cell` pixels; those that stick out repeat the border."""
    height, width, channels = array.shape
    padded = np.pad(array, ((0, -height % cell), (0, -width % cell), (0, 0)), mode="edge")
    # rows first: they lie in one piece
    rows = padded.reshape(-1, cell, padded.shape[1] * channels).sum(axis=1)
    means: Array = rows.reshape(len(rows), -1, cell, channels).sum(axis=2) / np.float32(cell * cell)
    return means
