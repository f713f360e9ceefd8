"""The painter's mask becomes two: where the model may paint, and where its paint shows.

Blending twice with one mask would leave a halo; so the first reaches outwards from the painter's, the second inwards.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from .arrays import Array
from .morphology import FULL_LEVEL, Levels, blur, depth, dilate, levels_above
from .resize import magnify

FEATHER_CELLS = 24
"""Cells that a feather is drawn with: a wide one is drawn small and magnified, which nobody can tell, in a fraction of the time."""

MAX_EDGE = 64
"""Widest fall-off of a result, in pixels. A wider one eats into the selection rather than hiding its edge, and each pixel
of it is a few more passes over the picture."""


def denoise_mask(mask: Array, grow: int, feather: int) -> Array:
    """Return where the model may paint.

    `mask` has shape [h, w] and values from 0 to 1; `grow` and `feather` are pixels, both at least 0. The result is never
    less than the mask, goes on at its value for `grow` pixels around it, and then falls off to 0 smoothly over `feather`
    pixels: that is the full width of the fall-off. Beyond `grow + feather` it is exactly 0.
    """
    _check(mask)
    if grow < 0 or feather < 0:
        raise ValueError(f"grow and feather must be at least 0, got {grow} and {feather}")
    around = _surroundings(mask, grow + feather)
    grown = np.zeros_like(mask)
    if around is not None:
        part = mask[around]
        np.maximum(part, _grown(part, grow, feather), out=grown[around])
    return grown


def _grown(mask: Array, grow: int, feather: int) -> Array:
    """Dilate to the middle of the fall-off and blur from there, to both sides alike.

    Cells, their magnification and the tent's corners may together reach no further than half the feather.
    """
    cell = max(1, feather // FEATHER_CELLS)
    strayed = 0.0 if cell == 1 else cell * sqrt(2) + (cell - 1) / sqrt(2)
    tent = int((feather / 2 - strayed) / (cell * sqrt(2)))
    grown = dilate(_greatest(levels_above(mask), cell), (grow + feather / 2) / cell)
    soft = blur(grown.astype(np.float32) / np.float32(FULL_LEVEL), tent)
    return magnify(soft, cell)[: mask.shape[0], : mask.shape[1]]


def _greatest(levels: Levels, cell: int) -> Levels:
    """Return the greatest level of each square of `cell` pixels; those that stick out repeat the border."""
    height, width = levels.shape
    padded = np.pad(levels, ((0, -height % cell), (0, -width % cell)), mode="edge")
    cells: Levels = padded.reshape(-1, cell, padded.shape[1] // cell, cell).max(axis=1).max(axis=2)
    return cells


def composite_alpha(mask: Array, edge: int) -> Array:
    """Return the opacity of the result's layer.

    `mask` has shape [h, w] and values from 0 to 1; `edge` is pixels, at least 0 and at most MAX_EDGE (more counts as that).
    The result is never more than the mask and rises inside it from 0 at the edge to the mask's value `edge` pixels within,
    smoothly. A mask that rises as softly by itself is kept. Where the mask is thinner than two edges, the rise is as much
    shorter: a line or a dot keeps its full value in the middle. The picture's border is no edge.
    """
    _check(mask)
    if edge < 0:
        raise ValueError(f"edge must be at least 0, got {edge}")
    around = _surroundings(mask, 1)
    alpha = mask.copy()
    if around is not None and edge > 0:
        part = mask[around]
        deep = depth(part, min(edge, MAX_EDGE))
        share = deep / np.maximum(_thickness(deep, min(edge, MAX_EDGE)), np.finfo(np.float32).tiny)
        # in terms of the eroded mask m this is m * (3 - 2 * sqrt(m)), which is at least m: where the mask is softer than the
        # fall-off it is its own erosion, and stays
        np.minimum(part, share * share * (3 - 2 * share), out=alpha[around])
    return alpha


def _thickness(deep: Array, edge: int) -> Array:
    """Return the radius of the greatest disc inside the mask that covers each pixel, from its own depth to `edge`.

    Found in steps of a factor: the true one lies between the result and sqrt(2) times that.
    """
    thickness = deep.copy()
    radius = float(edge)
    while radius >= 1:
        # a rounding error must not lose the one pixel that is just as deep as this
        centres = (deep > radius - 1e-3).astype(np.uint8)
        np.maximum(thickness, dilate(centres, radius) * np.float32(radius), out=thickness)
        radius /= sqrt(2)
    return thickness


def _surroundings(mask: Array, padding: int) -> tuple[slice, slice] | None:
    """Return the rows and columns that the mask and `padding` pixels around it fill, or None when nothing is masked."""
    spans = []
    for axis in (1, 0):
        used = np.flatnonzero(mask.any(axis=axis))
        if not used.size:
            return None
        spans.append(slice(max(0, int(used[0]) - padding), int(used[-1]) + 1 + padding))
    return spans[0], spans[1]


def _check(mask: Array) -> None:
    if mask.ndim != 2:
        raise ValueError(f"a mask has two axes, height and width; got the shape {mask.shape}")
