"""Other sizes for pictures and masks, without a shift: both have the same corners, and pixels are squares between them."""

from __future__ import annotations

import numpy as np
from PIL import Image

from protocol import Extent

from .arrays import Array


def resize(array: Array, extent: Extent) -> Array:
    """Return `array` ([h, w] or [h, w, channels]) at another size, with values from 0 to 1.

    By Pillow's bicubic filter, which is widened when it makes smaller, so that nothing is skipped; values that it overshoots
    are cut. Its one negative lobe leaves no ghosts around a mask, as Lanczos would. At its own size the array comes back as
    it is.
    """
    if array.shape[:2] == (extent.height, extent.width):
        return array
    return np.clip(_resampled(array, extent.width, extent.height, Image.Resampling.BICUBIC), 0, 1)


def resize_layer(layer: Array, extent: Extent) -> Array:
    """Return a layer [h, w, 4] with straight alpha at another size; the rest as `resize`.

    Colours are weighted by their alpha: what is clear lends none to what is not. What is clear afterwards is black.
    """
    if layer.shape[:2] == (extent.height, extent.width):
        return layer
    weighted = layer.copy()
    weighted[..., :3] *= layer[..., 3:]
    resized = _resampled(weighted, extent.width, extent.height, Image.Resampling.BICUBIC)
    alpha = resized[..., 3:]
    np.divide(resized[..., :3], alpha, out=resized[..., :3], where=alpha > 0)
    resized[..., :3] *= alpha > 0
    return np.clip(resized, 0, 1)


def magnify(array: Array, factor: int) -> Array:
    """Return `array` ([h, w] or [h, w, channels]) that many times as large, with straight lines between the pixels' middles.

    No value leaves the range of those it lies between.
    """
    if factor == 1:
        return array
    height, width = array.shape[:2]
    large = _resampled(array, width * factor, height * factor, Image.Resampling.BILINEAR)
    return np.clip(large, array.min(), array.max())


def _resampled(array: Array, width: int, height: int, filtered: Image.Resampling) -> Array:
    # Pillow knows floats in one channel only
    planes = array[..., None] if array.ndim == 2 else array
    resampled = np.empty((height, width, planes.shape[2]), np.float32)
    for channel in range(planes.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(planes[..., channel], np.float32))
        resampled[..., channel] = np.asarray(plane.resize((width, height), filtered))
    return resampled[..., 0] if array.ndim == 2 else resampled
