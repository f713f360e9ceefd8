"""Continue what is known into what is not, ever smoother with the distance: push and pull through a pyramid.

Gortler, Grzeszczuk, Szeliski and Cohen 1996, "The Lumigraph", section 3.4.
"""

from __future__ import annotations

import numpy as np

from .arrays import Array


def extend(values: Array, weights: Array) -> Array:
    """Return a field of shape [h, w, channels] that is `values` where `weights` is 1, to the bit, and a smooth continuation where it is 0.

    Between, it is both in that proportion. `values` has the shape of the field, `weights` the shape [h, w], from 0 to 1. Values without weight never count. No
    result lies outside the range of those with weight.

    Raises ValueError when nothing has weight.
    """
    if not weights.any():
        raise ValueError("nothing is known that could be continued")
    return _extended(values * weights[..., None], weights)


def _extended(weighted: Array, weights: Array) -> Array:
    """Fill what a level lacks in weight from the level of half its size."""
    height, width = weights.shape
    if height == width == 1:
        return weighted / weights[..., None]
    field = _doubled(_extended(_halved(weighted), _halved(weights)))[:height, :width]
    field *= (1 - weights)[..., None]
    field += weighted
    return field


def _halved(array: Array) -> Array:
    """Return the means of squares of two by two; an odd border repeats."""
    rows, columns = array.shape[0] % 2, array.shape[1] % 2
    if rows or columns:
        array = np.pad(array, ((0, rows), (0, columns), (0, 0))[: array.ndim], mode="edge")
    pairs = array[::2] + array[1::2]
    return np.float32(0.25) * (pairs[:, ::2] + pairs[:, 1::2])


def _doubled(array: Array) -> Array:
    """Return twice the size, with straight lines between the pixels' middles: the counterpart of `_halved`, without a shift."""
    # columns while it is still small: their memory is not in one piece
    return _doubled_along(_doubled_along(array, 1), 0)


def _doubled_along(array: Array, axis: int) -> Array:
    doubled = np.empty([side * 2 if n == axis else side for n, side in enumerate(array.shape)], np.float32)
    source, target = array.swapaxes(0, axis), doubled.swapaxes(0, axis)
    near, far = np.float32(0.75) * source, np.float32(0.25) * source
    target[0], target[-1] = source[0], source[-1]
    np.add(near[1:], far[:-1], out=target[2::2])
    np.add(near[:-1], far[1:], out=target[1:-1:2])
    return doubled
