"""A layer as a picture that a model works from: what is on it, without the rest of the document."""

from __future__ import annotations

from typing import Final

from ..bundled import protocol
from ..qt import QtCore, QtGui
from .api import Document, Node, running_krita
from .colour import raw_depth, to_srgb
from .document import DOCUMENT_CLOSED, extent_of, layer_by_id
from .pixels import Pixels
from .scaling import Steps, averaged_strips, working_extent

MOST_REFERENCE_PIXELS: Final = 2048 * 2048
"""No model is shown a reference of much more than a megapixel. Four leave its own scaling something to do, and are read and sent
in a moment."""

FINER: Final = 2
"""Times as many pixels a side as a thumbnail has are asked of Krita: what is clear around what is painted is cut away."""


def reference_steps(document: Document, layer: str, name: str) -> Steps[Pixels | protocol.Failure]:
    """Read what the layer with the id `layer` holds on the canvas, itself hidden or not; `name` is for telling of it.

    The picture is as large as what is painted there: BGRA with straight alpha, sRGB-encoded, "u16" on a 16-bit sRGB layer and "u8"
    on any other. One of more than `MOST_REFERENCE_PIXELS` is read smaller, averaged to "u8", strip by strip: go on when the document
    is at rest. A Failure where the layer is gone or nothing is on it.
    """
    canvas, node = extent_of(document), layer_by_id(document, layer)
    if canvas is None:
        return DOCUMENT_CLOSED
    if node is None:
        return _gone(name)
    bounds = _painted(node, canvas)
    if bounds is None:
        return _empty(node.name())
    working = working_extent(bounds.extent, MOST_REFERENCE_PIXELS)
    if working == bounds.extent:
        return _read(node, bounds) or _empty(node.name())

    def seen(x: int, y: int, width: int, height: int) -> QtGui.QImage:
        strip = _read(node, protocol.Bounds(x, y, width, height))
        return strip.image() if strip is not None else QtGui.QImage()

    reading = averaged_strips(seen, bounds, working)
    while layer_by_id(document, layer) is not None:
        try:
            next(reading)
        except StopIteration as end:
            found: Pixels = end.value
            return found
        yield
    return DOCUMENT_CLOSED if extent_of(document) is None else _gone(name)


def _painted(node: Node, canvas: protocol.Extent) -> protocol.Bounds | None:
    """Return where on the canvas the layer has pixels, or None."""
    reach = node.bounds()
    if reach.width() < 1 or reach.height() < 1:
        return None
    bounds = protocol.Bounds(reach.x(), reach.y(), reach.width(), reach.height())
    return bounds.intersection(protocol.Bounds.of(canvas))


def _read(node: Node, bounds: protocol.Bounds) -> Pixels | None:
    """Return what is on a part of the layer, None where Krita gives nothing."""
    # with its masks, and for groups and vector layers what they show: their own pixels are none
    data = node.projectionPixelData(bounds.x, bounds.y, bounds.width, bounds.height)
    depth = raw_depth(node)
    if depth is None:
        converted = to_srgb(node, data, bounds.extent, running_krita()) if data.size() else None
        return Pixels(converted, bounds.extent, "bgra", "u8") if converted is not None else None
    return Pixels(data, bounds.extent, "bgra", depth) if data.size() else None


def _short(name: str) -> str:
    return name[: protocol.MAX_NAME_CHARS]


def _gone(name: str) -> protocol.Failure:
    return protocol.Failure(
        "reference_gone",
        f"The reference layer {_short(name)!r} is no longer in the document, so nothing was painted.",
        "Remove it from the references, or bring the layer back with undo, then generate again.",
    )


def _empty(name: str) -> protocol.Failure:
    return protocol.Failure(
        "reference_empty",
        f"There is nothing on the reference layer {_short(name)!r} within the canvas, so nothing was painted.",
        "Paint something on it, or remove it from the references, then generate again.",
    )


def thumbnail_of(node: Node, side: int) -> QtGui.QImage:
    """Return a small look at what is on a layer, `side` pixels on its longest side; a null one where nothing is."""
    reach = node.bounds().size()
    # Krita stretches what it has of the layer, which is a bit more than is painted, over all that it is asked for
    stretched = node.thumbnail(FINER * side, FINER * side) if not reach.isEmpty() else QtGui.QImage()
    painted = QtCore.QRect() if stretched.isNull() else _opaque(stretched)
    if painted.isEmpty():
        return QtGui.QImage()
    size = reach.scaled(side, side, QtCore.Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QtCore.QSize(1, 1))
    aspect, mode = QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation
    return stretched.copy(painted).scaled(size, aspect, mode)


def _opaque(image: QtGui.QImage) -> QtCore.QRect:
    """Return the part of a picture outside of which it is clear."""
    alpha = image.convertToFormat(QtGui.QImage.Format.Format_Alpha8)
    rows = []
    for y in range(alpha.height()):
        row = alpha.constScanLine(y)
        if row is not None:
            row.setsize(alpha.width())
            rows.append(bytes(memoryview(row)))  # type: ignore[arg-type, unused-ignore]
    seen = [y for y, row in enumerate(rows) if any(row)]
    if not seen:
        return QtCore.QRect()
    left = min(len(rows[y]) - len(rows[y].lstrip(b"\0")) for y in seen)
    right = max(len(rows[y].rstrip(b"\0")) for y in seen)
    return QtCore.QRect(left, seen[0], right - left, seen[-1] + 1 - seen[0])
