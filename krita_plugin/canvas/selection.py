"""What the painter has selected, cut to the canvas."""

from __future__ import annotations

from typing import Final

from ..bundled import protocol
from ..qt import QtCore
from .api import Document
from .document import DOCUMENT_CLOSED, extent_of
from .pixels import Pixels

EMPTY_SELECTION: Final = protocol.Failure(
    "selection_empty",
    "There is a selection, but nothing is selected in it.",
    "Select an area, or deselect to paint on the whole canvas.",
)
SELECTION_OFF_CANVAS: Final = protocol.Failure(
    "selection_off_canvas",
    "The selection lies outside of the canvas.",
    "Select an area on the canvas, or deselect to paint on the whole canvas.",
)


def selected_bounds(document: Document) -> protocol.Bounds | protocol.Failure | None:
    """Return the part of the canvas that holds the selection, or None where there is no selection.

    A Failure where nothing is selected, or nothing on the canvas, or the document is closed.
    """
    canvas = extent_of(document)
    if canvas is None:
        return DOCUMENT_CLOSED
    selection = document.selection()
    if selection is None:
        return None
    if selection.width() < 1 or selection.height() < 1:
        return EMPTY_SELECTION
    reach = protocol.Bounds(selection.x(), selection.y(), selection.width(), selection.height())
    inside = reach.intersection(protocol.Bounds.of(canvas))
    if inside is None:
        return SELECTION_OFF_CANVAS
    if reach.extent != inside.extent and _is_blank(selection.pixelData(*_four(inside))):
        # the corner of an L may be all that its bounds have on the canvas
        return SELECTION_OFF_CANVAS
    return inside


def read_mask(document: Document, bounds: protocol.Bounds) -> Pixels | None:
    """Return how far each pixel of `bounds` is selected, gray u8: 0 not, 255 wholly; or None without a selection."""
    selection = document.selection()
    if selection is None:
        return None
    return Pixels(selection.pixelData(*_four(bounds)), bounds.extent, "gray", "u8")


def _four(bounds: protocol.Bounds) -> tuple[int, int, int, int]:
    return bounds.x, bounds.y, bounds.width, bounds.height


def _is_blank(data: QtCore.QByteArray) -> bool:
    return bool(data == QtCore.QByteArray(data.size(), b"\0"))
