"""What the painter has selected, cut to the canvas."""

from __future__ import annotations

from typing import Final, cast

from ..bundled import protocol
from ..qt import QtCore
from .api import Document, Krita, Node, Selection, SelectionMask, running_krita
from .colour import RESOLUTION, SRGB
from .document import DOCUMENT_CLOSED, active_layer, extent_of
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


def selection_in_force(document: Document) -> Selection | None:
    """Return the selection that limits the painter's strokes now, or None where there is none.

    That is the active layer's own, a selection mask on it that is shown and switched on, or else the document's.
    """
    layer = active_layer(document)
    for node in layer.childNodes() if layer is not None else ():
        # what is hidden is never heeded, and that is quickly seen
        if node.type() == "selectionmask" and node.visible() and _is_switched_on(node, running_krita()):
            return cast(SelectionMask, node).selection()
    # Krita's `Document.selection()` knows of no layer's own
    return document.selection()


def _is_switched_on(mask: Node, krita: Krita) -> bool:
    """Return whether Krita heeds a selection mask, which its API does not tell: Deselect only switches off what is still shown.

    A copy of a mask is switched on or off as the mask is, and one that lies in the root of a document is that document's
    selection only while it is on. So one is put there, in a document that nobody sees.
    """
    bench = krita.createDocument(1, 1, "Scumble", "RGBA", "U8", SRGB, RESOLUTION)
    try:
        bench.setBatchmode(True)
        root = bench.rootNode()
        added = root is not None and root.addChildNode(mask.clone(), None)
        bench.waitForDone()
        return added and bench.selection() is not None
    finally:
        bench.setModified(False)
        bench.close()


def selected_bounds(document: Document) -> protocol.Bounds | protocol.Failure | None:
    """Return the part of the canvas that holds the selection, or None where there is no selection.

    A Failure where nothing is selected, or nothing on the canvas, or the document is closed.
    """
    canvas = extent_of(document)
    if canvas is None:
        return DOCUMENT_CLOSED
    selection = selection_in_force(document)
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
    selection = selection_in_force(document)
    if selection is None:
        return None
    return Pixels(selection.pixelData(*_four(bounds)), bounds.extent, "gray", "u8")


def _four(bounds: protocol.Bounds) -> tuple[int, int, int, int]:
    return bounds.x, bounds.y, bounds.width, bounds.height


def _is_blank(data: QtCore.QByteArray) -> bool:
    return bool(data == QtCore.QByteArray(data.size(), b"\0"))
