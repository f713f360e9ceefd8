"""Writes a result into a document: one new layer or group of layers, one undo step, and nothing else is touched."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from ..bundled import protocol
from ..qt import QtCore
from .anchor import Anchor, Note, find_place, shift_since
from .api import Document, Node, running_krita
from .colour import in_space_of
from .document import DOCUMENT_CLOSED, active_node, extent_of, is_at_rest, layer_id
from .group import group_of
from .ours import note_result
from .pixels import Pixels
from .scaling import Steps, at_once, enlarged

MOST_NAME_CHARS: Final = 60
"""Characters of a layer's name: what the Layers docker shows at twice its usual width."""

UNNAMED: Final = "Scumble"
"""The name of a layer that was made without words."""

_LORA: Final = re.compile(r"<lora:[^<>]*>")
"""Part of a prompt that says how to paint, and not what."""

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

Stack = tuple[Pixels, ...]
"""Pictures that lie one over the other, the lowest first."""


@dataclass(frozen=True)
class Added:
    """A layer that was added: its id, where on the canvas its pixels are, and what to tell the painter about it."""

    layer: str
    bounds: protocol.Bounds
    notes: tuple[Note, ...] = ()


def layer_name(prompt: str) -> str:
    """Return a layer's name for a prompt: its words in one line of at most `MOST_NAME_CHARS`, never empty."""
    said = _LORA.sub(" ", prompt)
    visible = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in said)
    words = " ".join(visible.split())
    if len(words) > MOST_NAME_CHARS:
        words = words[: MOST_NAME_CHARS - 1].rstrip() + "…"
    return words or UNNAMED


def add_layer(
    document: Document, picture: Pixels | Stack, bounds: protocol.Bounds, prompt: str, anchor: Anchor
) -> Added | protocol.Failure:
    """Add `picture` to the document as one new layer, without a pause; see `layer_steps`."""
    return at_once(layer_steps(document, picture, bounds, prompt, anchor))


def layer_steps(
    document: Document, picture: Pixels | Stack, bounds: protocol.Bounds, prompt: str, anchor: Anchor
) -> Steps[Added | protocol.Failure]:
    """Add `picture` to the document as one new layer, or a stack of them as one group, which is one undo step.

    A picture is BGRA, u8 or u16, sRGB with straight alpha; `bounds` where it lies on the canvas of `anchor`, the one of
    the snapshot. The active layer and the selection stay the painter's. Returns a Failure, and has then changed nothing,
    where the document is closed, something is being done to it, or the place is no longer on the canvas.
    Raises ValueError for pixels of another layout, and for a stack of none.

    A picture as large as `bounds` is added at once, before the first yield. Another one is enlarged strip by strip, and a
    stack written layer by layer, into layers that belong to no document yet: go on when the document is at rest. Dropped
    halfway, nothing has changed.
    """
    parts = (picture,) if isinstance(picture, Pixels) else picture
    if not parts or any(part.order != "bgra" for part in parts):
        raise ValueError(f"{', '.join(f'{part.extent} {part.order}' for part in parts)} is no layer at {bounds}")
    target = _target(document, bounds, anchor)
    if isinstance(target, protocol.Failure):
        return target
    notes: tuple[Note, ...] = ()
    written: list[Node] = []
    for number, part in enumerate(parts, 1):
        if written:
            yield
        name = layer_name(prompt) if isinstance(picture, Pixels) else f"Layer {number}"
        if part.extent == bounds.extent:
            layer = _written(document, None, part, target, name)
        else:
            layer, notes = (yield from _enlarged(document, part, target, name)), (Note.ENLARGED,)
        if layer is None:
            return NOT_ADDED if extent_of(document) is not None else DOCUMENT_CLOSED
        written.append(layer)
    if len(written) > 1 or notes:
        # something may have come between: asked again, it begins with the canvas as it is then
        now = _target(document, bounds, anchor)
        if now != target:
            return now if isinstance(now, protocol.Failure) else NOT_AT_REST
    if isinstance(picture, Pixels):
        return _add(document, written[0], target, anchor, *notes)
    group = group_of(document, written, target, layer_name(prompt), running_krita())
    return _add(document, group, target, anchor, *notes) if group is not None else NOT_ADDED


def _enlarged(document: Document, picture: Pixels, target: protocol.Bounds, name: str) -> Steps[Node | None]:
    """Write a picture strip by strip into a new layer, as large as its place; None as `_written`."""
    layer = None
    for row, strip in enlarged(picture, target.extent):
        at = protocol.Bounds(target.x, target.y + row, strip.extent.width, strip.extent.height)
        layer = _written(document, layer, strip, at, name)
        if layer is None:
            return None
        yield
    return layer


def _target(document: Document, bounds: protocol.Bounds, anchor: Anchor) -> protocol.Bounds | protocol.Failure:
    """Return where on the canvas `bounds` of the anchor's are now, or why nothing can be put there."""
    canvas = extent_of(document)
    if canvas is None:
        return DOCUMENT_CLOSED
    if not is_at_rest(document):
        return NOT_AT_REST
    (dx, dy), _ = shift_since(document, anchor)
    target = bounds.moved(dx, dy)
    return target if target.intersection(protocol.Bounds.of(canvas)) is not None else OFF_CANVAS


def _written(document: Document, layer: Node | None, picture: Pixels, at: protocol.Bounds, name: str) -> Node | None:
    """Write pixels into the layer, a new one that is not added yet where there is none.

    None where the document is closed, or Krita cannot convert them. Before it is added, since then the pixels belong to the
    same undo step, and Krita redraws once.
    """
    data = in_space_of(document, picture, running_krita()) if extent_of(document) is not None else None
    if data is None:
        return None
    if layer is None:
        layer = document.createNode(name, "paintlayer")
    layer.setPixelData(data, at.x, at.y, at.width, at.height)
    return layer


def _add(
    document: Document, layer: Node, target: protocol.Bounds, anchor: Anchor, *notes: Note
) -> Added | protocol.Failure:
    place, (_, moved) = find_place(document, anchor), shift_since(document, anchor)
    if place is None:
        return DOCUMENT_CLOSED
    active = active_node(document)
    if not place.parent.addChildNode(layer, place.above):
        return NOT_ADDED
    note_result(document, layer_id(layer))
    if active is not None:
        _keep_active(document, active, layer)
    return Added(layer_id(layer), target, (*place.notes, *moved, *notes))


def _keep_active(document: Document, active: Node, added: Node) -> None:
    """Give the painter's layer back where Krita made the new one active: at once in Krita 5.3 and later, before that after
    the events that adding a layer has queued. Not one that the painter has deleted meanwhile: no layer would be active."""
    new = layer_id(added)

    def give_back() -> None:
        now = active_node(document)
        if now is not None and layer_id(now) == new and active.parentNode() is not None:
            document.setActiveNode(active)

    give_back()
    QtCore.QTimer.singleShot(0, give_back)
