"""Areas with more pixels than the backend takes at once: painted smaller, and enlarged when the result is written.

Everything goes strip by strip, so that memory is bounded and Krita's main thread is free between two of them: the generators
here yield after each, and whoever runs them lets the event loop turn. At 16384 pixels of width a strip takes about 5 ms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from math import ceil, floor, sqrt
from typing import Final, TypeVar

from ..bundled import protocol
from ..qt import QtCore, QtGui
from .api import Document, Selection
from .pixels import Pixels

T = TypeVar("T")

STRIP_PIXELS: Final = 1024 * 1024
"""Pixels of the canvas that are read or written at once: 4 MiB, scaled in about 5 ms."""

INFLUENCE: Final = 1.5
"""Pixels of the smaller picture up to which one of the canvas bears on another on the way there and back: half of one where
it is averaged, one where it is interpolated."""

SPARE_PIXELS: Final = 2
"""Pixels of the canvas by which rounding may shift what is enlarged."""

MARGIN_ROWS: Final = 2
"""Rows of the smaller picture above and below a strip that interpolation looks at."""

TURN_SECONDS: Final = 0.015
"""For which steps go on without a pause: one frame of the screen."""

_HOLES: Final = bytes([255]) + bytes(255)
"""Makes 255 of what is not selected at all, and 0 of all else."""

_Format = QtGui.QImage.Format
_PAINTED_IN: Final = {
    "u8": (_Format.Format_ARGB32, _Format.Format_ARGB32_Premultiplied),
    # Qt has none with blue first; to scaling, a channel is a channel
    "u16": (_Format.Format_RGBA64, _Format.Format_RGBA64_Premultiplied),
}

Steps = Generator[None, None, T]
"""Work that yields between its steps, and returns what it was for."""


def at_once(steps: Steps[T]) -> T:
    """Do all steps without a pause, and return what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def advance(steps: Steps[T], seconds: float = TURN_SECONDS) -> T | None:
    """Go on for so long, but for at least one step. Return what the steps return, None while they are not through."""
    end = time.monotonic() + seconds
    while True:
        try:
            next(steps)
        except StopIteration as through:
            found: T = through.value
            return found
        if time.monotonic() >= end:
            return None


def working_extent(extent: protocol.Extent, most_pixels: int) -> protocol.Extent:
    """Return the size at which an area is painted: its own, or, where that is too large, one of the same proportions with
    at most `most_pixels`, which must be positive. Never more than the contract carries."""
    most = min(most_pixels, protocol.MAX_PIXELS)
    if extent.area <= most and extent.longest <= protocol.MAX_SIDE:
        return extent
    scale = min(sqrt(most / extent.area), protocol.MAX_SIDE / extent.longest)
    width, height = (max(1, floor(side * scale)) for side in (extent.width, extent.height))
    # a line of one pixel cannot become thinner
    return protocol.Extent(min(width, max(1, most // height)), min(height, max(1, most // width)))


def working_bounds(part: protocol.Bounds, own: protocol.Extent, working: protocol.Extent) -> protocol.Bounds:
    """Return the pixels of the smaller picture that have anything to do with a part of its original."""
    wide, high = working.width / own.width, working.height / own.height
    left, top = max(0, floor(part.x * wide) - 1), max(0, floor(part.y * high) - 1)
    right = min(working.width, ceil(part.right * wide) + 1)
    bottom = min(working.height, ceil(part.bottom * high) + 1)
    return protocol.Bounds(left, top, right - left, bottom - top)


def read_smaller(document: Document, bounds: protocol.Bounds, working: protocol.Extent) -> Steps[Pixels]:
    """Read what is seen at `bounds`, averaged to that size: BGRA u8, sRGB-encoded."""
    return averaged_strips(document.projection, bounds, working)


Seen = Callable[[int, int, int, int], QtGui.QImage]
"""Returns what is seen at x, y of the canvas, so and so wide and high."""


def averaged_strips(seen: Seen, bounds: protocol.Bounds, working: protocol.Extent) -> Steps[Pixels]:
    """Put together what is seen at `bounds`, averaged to that size: BGRA u8."""
    data = QtCore.QByteArray()
    data.resize(working.area * 4)
    row = working.width * 4
    for first, last, top, bottom in _strips(bounds.extent, working):
        strip = seen(bounds.x, bounds.y + top, bounds.width, bottom - top)
        _store(data, _averaged(strip, working.width, last - first, _Format.Format_ARGB32), first, row)
        yield
    return Pixels(data, working, "bgra", "u8")


def read_smaller_mask(selection: Selection, bounds: protocol.Bounds, working: protocol.Extent) -> Steps[Pixels | None]:
    """Read how far `bounds` is selected, averaged to that size, gray u8; None where nothing is left of it.

    What lies so near to a pixel that is not selected at all that its colour would reach it when the result is enlarged again, is left out:
    outside of the selection nothing may change.
    """
    data = QtCore.QByteArray()
    data.resize(working.area)
    own = bounds.extent
    reach = ceil(INFLUENCE * max(own.width / working.width, own.height / working.height)) + SPARE_PIXELS
    left_over = False
    for first, last, top, bottom in _strips(own, working):
        above, below = max(0, top - reach), min(own.height, bottom + reach)
        found = selection.pixelData(bounds.x, bounds.y + above, bounds.width, below - above).data()
        # rows apart by so much that no end of one reaches the beginning of the next
        line = own.width + reach
        gap = b"\xff" * reach
        apart = b"".join(found[at : at + own.width] + gap for at in range(0, len(found), own.width))
        kept = _without_edges(apart, line, reach)[(top - above) * line : (bottom - above) * line]
        strip = QtGui.QImage(kept, own.width, bottom - top, line, _Format.Format_Grayscale8)
        small = _averaged(strip, working.width, last - first, _Format.Format_Grayscale8)
        _store(data, small, first, working.width)
        start, end = first * working.width, last * working.width
        part = bytes(memoryview(data)[start:end])  # type: ignore[arg-type, unused-ignore]
        left_over = left_over or part.count(0) < len(part)
        yield
    return Pixels(data, working, "gray", "u8") if left_over else None


def enlarged(picture: Pixels, extent: protocol.Extent) -> Iterator[tuple[int, Pixels]]:
    """Yield strips of a BGRA picture, interpolated to that size, from the top: the row where each begins, and its pixels."""
    straight, premultiplied = _PAINTED_IN[picture.depth]
    small, line = picture.extent, picture.size // picture.extent.height
    view = picture.view()
    rows = max(1, STRIP_PIXELS // extent.width)
    scale = extent.height / small.height
    for top in range(0, extent.height, rows):
        bottom = min(extent.height, top + rows)
        first = max(0, floor(top / scale) - MARGIN_ROWS)
        last = min(small.height, ceil(bottom / scale) + MARGIN_ROWS)
        source = QtGui.QImage(bytes(view[first * line : last * line]), small.width, last - first, line, straight)
        strip = QtGui.QImage(extent.width, bottom - top, premultiplied)
        painter = QtGui.QPainter(strip)
        painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Source)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        reach = QtCore.QRectF(0, first * scale - top, extent.width, (last - first) * scale)
        painter.drawImage(reach, source, QtCore.QRectF(0, 0, small.width, last - first))
        painter.end()
        done = strip.convertToFormat(straight)
        data = QtCore.QByteArray()
        data.resize(done.sizeInBytes())
        _store(data, done, 0, extent.width * line // small.width)
        yield top, Pixels(data, protocol.Extent(extent.width, bottom - top), picture.order, picture.depth)


def _strips(own: protocol.Extent, working: protocol.Extent) -> Iterator[tuple[int, int, int, int]]:
    """Yield strips from the top: first and last row of the smaller picture, and of its original."""
    at_once = max(1, STRIP_PIXELS * working.height // own.area)
    for first in range(0, working.height, at_once):
        last = min(working.height, first + at_once)
        yield first, last, first * own.height // working.height, last * own.height // working.height


def _averaged(image: QtGui.QImage, width: int, height: int, kind: QtGui.QImage.Format) -> QtGui.QImage:
    aspect, mode = QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation
    return image.scaled(width, height, aspect, mode).convertToFormat(kind)


def _store(data: QtCore.QByteArray, image: QtGui.QImage, first: int, row: int) -> None:
    """Copy the rows of an image, `row` bytes each, to where they begin in `data`, without the padding between them."""
    bits = image.constBits()
    if bits is None:
        raise ValueError("the picture is empty")
    line, count = image.bytesPerLine(), image.height()
    bits.setsize(line * count)
    target, source = memoryview(data), memoryview(bits)  # type: ignore[arg-type, unused-ignore]
    if line == row:
        target[first * row : (first + count) * row] = source
        return
    for number in range(count):
        target[(first + number) * row : (first + number + 1) * row] = source[number * line : number * line + row]


def _without_edges(mask: bytes, line: int, reach: int) -> bytes:
    """Return the mask with 0 wherever a pixel that is not selected at all is at most `reach` columns and rows away.

    One long integer holds all of it: shifting and joining such is as fast as memory, and needs nothing but Python.
    """
    size = len(mask)
    holes = int.from_bytes(mask.translate(_HOLES), "little")
    if holes == 0:
        return mask
    near = _spread(_spread(holes, 8, reach), 8 * line, reach)
    whole = int.from_bytes(mask, "little")
    return (whole ^ (whole & near)).to_bytes(size, "little")


def _spread(bits: int, step: int, reach: int) -> int:
    """Join what is 0 to `reach` steps away on either side."""
    joined, covered, wanted = bits << (reach * step), 1, 2 * reach + 1
    while covered < wanted:
        more = min(covered, wanted - covered)
        joined |= joined >> (more * step)
        covered += more
    return joined
