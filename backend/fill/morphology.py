"""Growing, measuring and blurring grey masks.

Beyond the picture's border the border's pixels go on, so that a border is never an edge.
"""

from __future__ import annotations

from itertools import pairwise
from math import floor, sqrt

import numpy as np
import numpy.typing as npt

from .arrays import Array

Levels = npt.NDArray[np.uint8]
"""A mask in 255 levels: it has to be read hundreds of times over, and this is a quarter of the memory."""

FULL_LEVEL = 255

FIXED_POINT = 1 << 20
"""What one is while a blur counts in whole numbers, so that 0 and 1 stay exact. 32 bits hold a window of 4095 of them."""


def levels_above(mask: Array) -> Levels:
    """Return a mask in 255 levels, rounded up: 0 and 1 stay what they are, nothing gets less."""
    levels: Levels = np.ceil(mask * np.float32(FULL_LEVEL)).astype(np.uint8)
    return levels


def dilate(levels: Levels, radius: float) -> Levels:
    """Return the greatest level within `radius` pixels of each pixel: exact grey dilation by a disc.

    The disc is taken apart into its rows. From the outermost one inwards they only get longer, so each is made from the
    one before, and the cost is a few passes a row.
    """
    if radius < 1:
        return levels.copy()
    height, width = levels.shape
    grown = np.zeros_like(levels)
    row, half = levels, 0
    for dy in range(min(floor(radius), height - 1), -1, -1):
        wanted = min(floor(sqrt(radius * radius - dy * dy)), width)
        while half < wanted:
            # so short that a window beyond the border has nothing that this one lacks
            step = min(wanted - half, half + 1)
            row, half = _widened(row, step), half + step
        np.maximum(grown[dy:], row[: height - dy], out=grown[dy:])
        np.maximum(grown[: height - dy], row[dy:], out=grown[: height - dy])
    return grown


def _widened(row: Levels, step: int) -> Levels:
    """Return the greatest of each pixel and those `step` to its left and right."""
    wider = row.copy()
    np.maximum(wider[:, step:], row[:, :-step], out=wider[:, step:])
    np.maximum(wider[:, :-step], row[:, step:], out=wider[:, :-step])
    return wider


def depth(mask: Array, reach: int) -> Array:
    """Return how deep in the mask each pixel lies, in pixels: from 0 where it is not masked to at most `reach` (>= 1).

    In a mask of zeros and ones this is the Euclidean distance to the nearest zero. In a grey one it is
    reach * sqrt(min over y of mask(y) + |x - y|^2 / reach^2), an erosion by a paraboloid, which falls apart into columns
    and rows (van den Boomgaard, Dorst, Makram-Ebeid and Schavemaker 1996, "Quadratic structuring functions in mathematical
    morphology").
    """
    eroded = _eroded_columns(_eroded_columns(mask, reach).T, reach).T
    # in the order of rows again: what comes next goes along them, and would take forty times as long across
    return np.float32(reach) * np.sqrt(np.ascontiguousarray(eroded))


def _eroded_columns(mask: Array, reach: int) -> Array:
    """Erode along the first axis by the parabola (s / reach)^2."""
    source = np.ascontiguousarray(mask)
    eroded = source.copy()
    raised = np.empty_like(source)
    for s in range(1, min(reach, len(source))):
        np.add(source, np.float32(s * s / (reach * reach)), out=raised)
        np.minimum(eroded[s:], raised[:-s], out=eroded[s:])
        np.minimum(eroded[:-s], raised[s:], out=eroded[:-s])
    return eroded


def blur(mask: Array, reach: int) -> Array:
    """Return the mask blurred along both axes by a tent of `reach` pixels to each side. Where it is flat it stays exact."""
    fixed = np.rint(mask * np.float32(FIXED_POINT)).astype(np.uint32)
    for radius in (reach // 2, reach - reach // 2):
        fixed = _column_means(_row_means(fixed, radius), radius)
    blurred: Array = fixed.astype(np.float32) / np.float32(FIXED_POINT)
    return blurred


def _row_means(fixed: npt.NDArray[np.uint32], radius: int) -> npt.NDArray[np.uint32]:
    """Return the mean of 2 * radius + 1 pixels along each row. Running sums may wrap around: their differences do not."""
    padded = np.pad(fixed, ((0, 0), (radius + 1, radius)), mode="edge")
    sums = np.cumsum(padded, axis=1, dtype=np.uint32)
    return _rounded_means(sums[:, 2 * radius + 1 :] - sums[:, : fixed.shape[1]], radius)


def _column_means(fixed: npt.NDArray[np.uint32], radius: int) -> npt.NDArray[np.uint32]:
    """Return the mean of 2 * radius + 1 pixels along each column."""
    sums = np.pad(fixed, ((radius + 1, radius), (0, 0)), mode="edge")
    # row by row: along columns, numpy's cumsum takes twenty times as long
    for above, row in pairwise(sums):
        np.add(above, row, out=row)
    return _rounded_means(sums[2 * radius + 1 :] - sums[: len(fixed)], radius)


def _rounded_means(window_sums: npt.NDArray[np.uint32], radius: int) -> npt.NDArray[np.uint32]:
    return (window_sums + np.uint32(radius)) // np.uint32(2 * radius + 1)
