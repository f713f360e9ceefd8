"""Pictures as they come from the backend: for Krita, and for the painter to look at. For a thread aside.

Whatever is large goes through in slices: each holds Python's lock for well under a millisecond, so that the painter's strokes
pass between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..bundled import protocol
from ..qt import QtCore, QtGui

THUMBNAIL: Final = 256
"""Longest side in pixels of a thumbnail: two fit beside each other at the docker's usual width on a screen of double density."""

LARGE: Final = 1024
"""Longest side in pixels of a picture that is looked at large: as wide as a docker ever is."""

SLICE_BYTES: Final = 1024 * 1024
"""Copied or scaled at once: about a fifth of a millisecond."""

_Format = QtGui.QImage.Format

_FORMATS: Final = {
    ("gray", "u8"): _Format.Format_Grayscale8,
    ("rgb", "u8"): _Format.Format_RGB888,
    ("rgba", "u8"): _Format.Format_RGBA8888,
    ("bgra", "u8"): _Format.Format_ARGB32,
    ("rgba", "u16"): _Format.Format_RGBA64,
    # there is none with this order of the channels: red and blue are exchanged afterwards
    ("bgra", "u16"): _Format.Format_RGBA64,
}
"""Qt's names of the layouts, on machines that store the low byte first, as all do that Krita runs on."""


@dataclass(frozen=True)
class Look:
    """A finished picture for the eye, 8-bit: at most `THUMBNAIL` and at most `LARGE` pixels on the longest side."""

    thumbnail: QtGui.QImage
    large: QtGui.QImage

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return int(self.thumbnail.sizeInBytes() + self.large.sizeInBytes())


Content = bytes | QtCore.QByteArray
"""A picture's bytes as the link gives them."""


def for_krita(content: Content) -> QtCore.QByteArray:
    """Return the same bytes as Krita takes them fastest: copied once at most, and never again after."""
    if isinstance(content, QtCore.QByteArray):
        return content
    data = QtCore.QByteArray()
    # not filled before it is written: filling at once would hold Python's lock
    data.resize(len(content))
    target, source = memoryview(data), memoryview(content)  # type: ignore[arg-type, unused-ignore]
    for start in range(0, len(content), SLICE_BYTES):
        target[start : start + SLICE_BYTES] = source[start : start + SLICE_BYTES]
    return data


def look_at(content: Content, raster: protocol.Raster) -> Look:
    """Return how a picture looks. Raises ValueError where its layout is none that is shown."""
    large = scaled_down(content, raster, LARGE)
    side = protocol.Extent(large.width(), large.height())
    small = _fitting(side, THUMBNAIL)
    thumbnail = large if small == side else _smooth(large, small.width, small.height)
    return Look(thumbnail, large)


def nothing_to_see() -> Look:
    """Return what stands for a picture that cannot be shown: a clear one."""
    image = QtGui.QImage(THUMBNAIL, THUMBNAIL, _Format.Format_ARGB32)
    image.fill(QtCore.Qt.GlobalColor.transparent)
    return Look(image, image)


def scaled_down(content: Content, raster: protocol.Raster, longest: int) -> QtGui.QImage:
    """Return a picture at most `longest` pixels long, ARGB32 or RGB32. Raises ValueError as `look_at`."""
    kind = _FORMATS.get((raster.order, raster.depth))
    if kind is None or raster.encoding != "raw" or len(content) != raster.raw_size:
        raise ValueError(f"{raster.order} {raster.depth} {raster.encoding} cannot be shown")
    pixels = memoryview(content)  # type: ignore[arg-type, unused-ignore]
    size, row = _fitting(raster.extent, longest), raster.raw_size // raster.height
    image = QtGui.QImage(size.width, size.height, _Format.Format_ARGB32)
    painter = QtGui.QPainter(image)
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Source)
    try:
        at_once = max(1, SLICE_BYTES * size.height // raster.raw_size)
        for top in range(0, size.height, at_once):
            bottom = min(size.height, top + at_once)
            first, last = (edge * raster.height // size.height for edge in (top, bottom))
            # held here: Qt only points at it, and so does a band that is of the right format already
            rows = bytes(pixels[first * row : last * row])
            band = QtGui.QImage(rows, raster.width, last - first, row, kind)
            band = _smooth(band.convertToFormat(_Format.Format_ARGB32), size.width, bottom - top)
            painter.drawImage(0, top, band)
    finally:
        painter.end()
    return image.rgbSwapped() if (raster.order, raster.depth) == ("bgra", "u16") else image


def preview_image(raster: protocol.Raster, content: Content) -> QtGui.QImage | None:
    """Return a look at an unfinished picture, of its own size; None where its layout is none that is shown."""
    try:
        return scaled_down(content, raster, max(raster.width, raster.height))
    except ValueError:
        return None


def _fitting(extent: protocol.Extent, longest: int) -> protocol.Extent:
    return extent if extent.longest <= longest else extent.scaled(longest / extent.longest)


def _smooth(image: QtGui.QImage, width: int, height: int) -> QtGui.QImage:
    if (image.width(), image.height()) == (width, height):
        return image
    aspect, mode = QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation
    return image.scaled(width, height, aspect, mode).convertToFormat(_Format.Format_ARGB32)
