"""Layers over pixels: what a result does to the picture beneath it, in the picture's own depth."""

from __future__ import annotations

from typing import Final

import numpy as np

from protocol import Bounds, Extent

from .raw import Floats, Pixels, to_floats

LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Weights of red, green and blue in a grey of the same brightness (Rec. ITU-R BT.709, on encoded values)."""

STRIP_PIXELS: Final = 1 << 20
"""Pixels in work at a time, so that a large picture needs a few dozen megabytes of floats and not gigabytes."""


def luma(rgb: Floats) -> Floats:
    """Return the grey [height, width] of floats [height, width, 3] between 0 and 1, of the same range."""
    grey: Floats = rgb @ LUMA
    return grey


def mask_bounds(mask: Pixels) -> Bounds | None:
    """Return the smallest rectangle with all non-zero pixels of a mask [height, width], or None where all are zero."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    return Bounds(left, top, right - left, bottom - top)


def composite(picture: Pixels, layer: Pixels, bounds: Bounds) -> Pixels:
    """Return a copy of `picture` with `layer` laid over it at `bounds`.

    `picture` is [height, width, channels] in 8 or 16 bit: grey, grey and alpha, RGB, or RGB and alpha; `layer`
    [height, width, 4] red, green, blue and straight alpha in the picture's colour space, of any depth; in a grey picture
    its brightness counts. Where the layer's alpha is 0, and outside of its bounds, the picture's bits stay as they are.
    A transparent picture becomes as opaque as the two together (Porter and Duff's "over", 1984).

    The layer may reach beyond the picture. Raises ValueError for other shapes and depths, and for NaN and infinity.
    """
    _check(picture, layer, bounds)
    result = picture.copy()
    height, width = picture.shape[:2]
    inside = bounds.intersection(Bounds.of(Extent(width, height)))
    if inside is None:
        return result
    target = result[inside.y : inside.bottom, inside.x : inside.right]
    part = inside.relative_to(bounds)
    source = layer[part.y : part.bottom, part.x : part.right]
    rows = max(1, STRIP_PIXELS // inside.width)
    for top in range(0, inside.height, rows):
        _lay_over(target[top : top + rows], source[top : top + rows])
    return result


def _check(picture: Pixels, layer: Pixels, bounds: Bounds) -> None:
    if picture.ndim != 3 or not 1 <= picture.shape[2] <= 4:
        raise ValueError(f"a picture is [height, width, 1 to 4], this one has the shape {picture.shape}")
    if picture.dtype.type not in (np.uint8, np.uint16):
        raise ValueError(f"a picture has 8 or 16 bit, not {picture.dtype}")
    if layer.shape != (bounds.height, bounds.width, 4):
        raise ValueError(f"a layer at bounds of {bounds.extent} cannot have the shape {layer.shape}")


def _lay_over(target: Pixels, source: Pixels) -> None:
    """Change the picture's pixels `target` in place."""
    rgba = to_floats(source)
    paint, cover = rgba[..., :3], rgba[..., 3:]
    painted = cover[..., 0] > 0
    if not painted.any():
        return
    channels = target.shape[2]
    if channels < 3:
        paint = luma(paint)[..., np.newaxis]
    beneath = to_floats(target)
    mixed = beneath + (paint - beneath) * cover if channels in (1, 3) else _over(beneath, paint, cover)
    most = np.float32(np.iinfo(target.dtype).max)
    whole = np.floor(np.clip(mixed, 0, 1) * most + np.float32(0.5)).astype(target.dtype)
    np.copyto(target, whole, where=painted[..., np.newaxis])


def _over(beneath: Floats, paint: Floats, cover: Floats) -> Floats:
    """Return straight colour and alpha of `paint` over `beneath`, whose last channel is its alpha."""
    remains = beneath[..., -1:] * (1 - cover)
    alpha = cover + remains
    share = np.divide(cover, alpha, out=np.zeros_like(cover), where=alpha > 0)
    colour = beneath[..., :-1] + (paint - beneath[..., :-1]) * share
    return np.concatenate((colour, alpha), axis=2)
