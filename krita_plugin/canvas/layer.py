"""Writes a result into a document: one new layer, one undo step, and nothing else is touched."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from ..bundled import protocol
from ..qt import QtCore
from .anchor import Anchor, Note, find_place, shift_since
from .api import Document, Node, running_krita
from .colour import in_space_of
from .document import DOCUMENT_CLOSED, extent_of, is_at_rest, layer_id
from .pixels import Pixels

MOST_NAME_CHARS: Final = 60
"""Characters of a layer's name: what the Layers docker shows at twice its usual width."""

UNNAMED: Final = "Scumble"
"""The name of a layer that was made without words."""

NOT_AT_REST: Final = protocol.Failure(
    "document_busy", "Something is being done to the document.", "The layer comes as soon as that is finished."
)
OFF_CANVAS: Final = protocol.Failure(
    "place_off_canvas",
    "The part of the picture for which this was made is no longer on the canvas.",
    "Undo the crop and apply it again, or discard it.",
)
NOT_ADDED: Final = protocol.Failure(
    "layer_not_added",
    "Krita did not take the new layer.",
    "Try again; if it fails again, save the document and restart Krita.",
)


@dataclass(frozen=True)
class Added:
    """A layer that was added: its id, where on the canvas its pixels are, and what to tell the painter about it."""

    layer: str
    bounds: protocol.Bounds
    notes: tuple[Note, ...] = ()


def layer_name(prompt: str) -> str:
    """Return a layer's name for a prompt: one line of visible characters, at most `MOST_NAME_CHARS`, never empty."""
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in prompt)
    words = " ".join(visible.split())
    if len(words) > MOST_NAME_CHARS:
        words = words[: MOST_NAME_CHARS - 1].rstrip() + "…"
    return words or UNNAMED


def add_layer(
    document: Document, picture: Pixels, bounds: protocol.Bounds, prompt: str, anchor: Anchor
) -> Added | protocol.Failure:
    """Add `picture` to the document as one new layer, which is one undo step.

    `picture` is BGRA, u8 or u16, sRGB with straight alpha; `bounds` where it lies on the canvas of `anchor`, the one of
    the snapshot. The active layer and the selection stay the painter's. Returns a Failure, and has then changed nothing,
    where the document is closed, something is being done to it, or the place is no longer on the canvas.
    Raises ValueError for pixels of another layout or size.
    """
    if picture.order != "bgra" or picture.extent != bounds.extent:
        raise ValueError(f"{picture.extent} {picture.order} is no layer at {bounds}")
    canvas, place = extent_of(document), find_place(document, anchor)
    if canvas is None or place is None:
        return DOCUMENT_CLOSED
    if not is_at_rest(document):
        return NOT_AT_REST
    (dx, dy), moved = shift_since(document, anchor)
    target = bounds.moved(dx, dy)
    if target.intersection(protocol.Bounds.of(canvas)) is None:
        return OFF_CANVAS
    data = in_space_of(document, picture, running_krita())
    if data is None:
        return NOT_ADDED
    layer = document.createNode(layer_name(prompt), "paintlayer")
    # before it is added: then the pixels belong to the same undo step, and Krita redraws once
    layer.setPixelData(data, target.x, target.y, target.width, target.height)
    active = document.activeNode()
    if not place.parent.addChildNode(layer, place.above):
        return NOT_ADDED
    if active is not None:
        _keep_active(document, active, layer)
    return Added(layer_id(layer), target, (*place.notes, *moved))


def _keep_active(document: Document, active: Node, added: Node) -> None:
    """Give the painter's layer back where Krita made the new one active: at once in Krita 5.3 and later, before that after
    the events that adding a layer has queued."""
    new = layer_id(added)

    def give_back() -> None:
        now = document.activeNode()
        if now is not None and layer_id(now) == new:
            document.setActiveNode(active)

    give_back()
    QtCore.QTimer.singleShot(0, give_back)
