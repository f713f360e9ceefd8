"""Raw pixels as they travel: a `protocol.Raster` and its bytes to numpy arrays, and back.

Arrays are [height, width, channels] with straight alpha. Floats are 0 for black and 1 for white; integers 0 and their
type's greatest value.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from protocol import DEPTH_BYTES, ORDER_CHANNELS, ContentError, Depth, Encoding, Order, Raster

Pixels = NDArray[Any]
"""Pixels of any depth."""

Floats = NDArray[np.float32]
"""Pixels between 0 and 1."""

ZLIB_LEVEL: Final = 1
"""The quickest: it halves flat paint, and a network is seldom slower than a higher level would be."""

STRIP_VALUES: Final = 1 << 18
"""Values rounded at a time: a mebibyte of floats stays in the processor's cache through all the passes over it."""

DTYPES: Final[Mapping[Depth, np.dtype[Any]]] = MappingProxyType(
    {"u8": np.dtype("u1"), "u16": np.dtype("<u2"), "f16": np.dtype("<f2"), "f32": np.dtype("<f4")}
)
"""How one channel lies in memory."""

_RGBA_FROM: Final[Mapping[Order, tuple[int, int, int]]] = MappingProxyType(
    {"gray": (0, 0, 0), "graya": (0, 0, 0), "rgb": (0, 1, 2), "rgba": (0, 1, 2), "bgra": (2, 1, 0)}
)
_ALPHA_AT: Final[Mapping[Order, int | None]] = MappingProxyType(
    {"gray": None, "graya": 1, "rgb": None, "rgba": 3, "bgra": 3}
)


def depth_of(pixels: Pixels) -> Depth:
    """Return the depth of an array. Raises ValueError for a type that no raster can have."""
    for depth, dtype in DTYPES.items():
        if pixels.dtype == dtype:
            return depth
    raise ValueError(f"pixels of type {pixels.dtype} have no place in a raster")


def unpack(raster: Raster, content: bytes) -> Pixels:
    """Return the pixels [height, width, channels] in the raster's own depth and order.

    Raw content is not copied: the array is a read-only view of it. The hash is the wire's business and not checked here.
    Never more than `raster.raw_size` bytes are made of a compressed content, whatever it would unpack to.

    Raises ContentError where the bytes are not what the raster declares.
    """
    if len(content) != raster.size:
        raise ContentError(f"expected {raster.size} bytes of content, got {len(content)}")
    raw = _inflate(content, raster.raw_size) if raster.encoding == "zlib" else content
    if len(raw) != raster.raw_size:
        raise ContentError(f"expected {raster.raw_size} bytes of pixels, got {len(raw)}")
    shape = (raster.height, raster.width, ORDER_CHANNELS[raster.order])
    return np.frombuffer(raw, DTYPES[raster.depth]).reshape(shape)


def _inflate(content: bytes, size: int) -> bytes:
    """Return the `size` bytes that a zlib stream holds. Raises ContentError when it holds more, fewer or is broken."""
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(content, size)
        # The end mark and the checksum may still be unread when the last pixel is out.
        surplus = b"" if stream.eof else stream.decompress(stream.unconsumed_tail, 1)
    except zlib.error as error:
        raise ContentError(f"the compressed pixels are broken: {error}") from error
    if surplus:
        raise ContentError(f"the compressed pixels unpack to more than {size} bytes")
    if not stream.eof:
        raise ContentError("the compressed pixels are cut off")
    if stream.unused_data:
        raise ContentError(f"{len(stream.unused_data)} bytes follow the compressed pixels")
    return raw


def to_raster(pixels: Pixels, order: Order, encoding: Encoding = "raw") -> tuple[Raster, bytes]:
    """Return pixels [height, width, channels] as a raster and its content, just as they are.

    A mask may come as [height, width]. Raises ValueError when channels and order disagree, or the depth is none of a
    raster's.
    """
    depth = depth_of(pixels)
    shaped = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    if shaped.ndim != 3 or shaped.shape[2] != ORDER_CHANNELS[order]:
        raise ValueError(
            f"{order} pixels have {ORDER_CHANNELS[order]} channels, this array has the shape {pixels.shape}"
        )
    height, width, channels = shaped.shape
    raw = shaped.tobytes()
    if len(raw) != width * height * channels * DEPTH_BYTES[depth]:
        raise ValueError(f"{len(raw)} bytes are not {width} x {height} {order} {depth}")
    content = zlib.compress(raw, ZLIB_LEVEL) if encoding == "zlib" else raw
    name = hashlib.sha256(content).hexdigest()
    return Raster(name, len(content), width, height, order, depth, encoding), content


def to_floats(pixels: Pixels) -> Floats:
    """Return the same pixels between 0 and 1.

    A canvas in floats may be brighter than white or below black: what lies beyond 0 to 1 is clipped, for no model
    paints there. Raises ValueError for NaN and infinity, which are no colour at all.
    """
    if pixels.dtype.kind == "u":
        return np.divide(pixels, np.float32(np.iinfo(pixels.dtype).max), dtype=np.float32)
    if not np.isfinite(pixels).all():
        raise ValueError("the pixels contain NaN or infinity")
    clipped: Floats = np.clip(pixels, 0, 1, dtype=np.float32)
    return clipped


def to_rgba(pixels: Pixels, order: Order) -> Floats:
    """Return pixels of any order and depth as float32 [height, width, 4]: red, green, blue, straight alpha, 0 to 1.

    Without an alpha channel they are opaque. Clipping and errors as `to_floats`.
    """
    if pixels.ndim != 3 or pixels.shape[2] != ORDER_CHANNELS[order]:
        raise ValueError(
            f"{order} pixels have {ORDER_CHANNELS[order]} channels, this array has the shape {pixels.shape}"
        )
    floats = to_floats(pixels)
    if order == "rgba":
        return floats
    rgba = np.empty((*floats.shape[:2], 4), np.float32)
    for channel, source in enumerate(_RGBA_FROM[order]):
        rgba[..., channel] = floats[..., source]
    alpha = _ALPHA_AT[order]
    rgba[..., 3] = 1 if alpha is None else floats[..., alpha]
    return rgba


def to_mask(pixels: Pixels) -> Floats:
    """Return a mask [height, width] or [height, width, 1] as float32 [height, width]: 0 keeps, 1 replaces."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim != 2:
        raise ValueError(f"a mask has one channel, this array has the shape {pixels.shape}")
    return to_floats(pixels)


def quantise(pixels: Pixels, depth: Literal["u8", "u16"]) -> Pixels:
    """Return pixels in whole numbers of that depth, halves rounded up; what is there already is passed on uncopied.

    Floats are clipped and checked as in `to_floats`. Raises ValueError for NaN and infinity.
    """
    dtype = DTYPES[depth]
    if pixels.dtype == dtype:
        return pixels
    most = np.float32(np.iinfo(dtype).max)
    whole: Pixels = np.empty(pixels.shape, dtype)
    rows = max(1, STRIP_VALUES * len(pixels) // max(1, pixels.size))
    for top in range(0, len(pixels), rows):
        scaled = to_floats(pixels[top : top + rows])
        scaled *= most
        scaled += np.float32(0.5)
        # Nothing is negative here, so cutting the fraction off rounds down.
        whole[top : top + rows] = scaled
    return whole


def pack(
    rgba: Floats, depth: Literal["u8", "u16"], order: Literal["rgba", "bgra"] = "rgba", encoding: Encoding = "raw"
) -> tuple[Raster, bytes]:
    """Return pixels [height, width, 4], red first, with straight alpha, as a raster and its content.

    Floats between 0 and 1 are rounded to the nearest value, halves up, and clipped beyond; whole numbers of that depth
    go through as they are. Raises ValueError for another shape, and for NaN and infinity.
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4:
        raise ValueError(f"expected pixels [height, width, 4], got the shape {rgba.shape}")
    whole = quantise(rgba, depth)
    return to_raster(whole if order == "rgba" else whole[..., [2, 1, 0, 3]], order, encoding)
