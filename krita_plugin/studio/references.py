"""The layers that the painter has chosen for the model to work from: which there are, how they look, and how many it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Final

from .. import canvas
from ..bundled import protocol
from ..canvas import Document
from ..qt import QtCore, QtGui
from .settings import MOST_REFERENCES, Reference, Settings
from .views import ReferenceView

THUMBNAIL_SIDE: Final = 48
"""Pixels of a layer's thumbnail on its longest side: two lines of text on a screen of double density."""

LOOK_SECONDS: Final = 1.0
"""Between two looks whether the layers are still there and what they are called, which goes through all layers of the document."""

NO_LAYER: Final = protocol.Failure(
    "no_active_layer",
    "No layer is active that could be a reference.",
    "Choose a layer in the Layers docker, then add it.",
)
CHOSEN_ALREADY: Final = protocol.Failure(
    "chosen_already", "The active layer is a reference already.", "Choose another one."
)
NO_ROOM: Final = protocol.Failure(
    "no_room", "The model of this style works from no more references.", "Remove one of them, then add this one."
)


def room_of(model: protocol.ModelInfo | None) -> int:
    """Return how many layers a model can be shown beside the canvas; 0 while it is not known.

    One that is shown a single picture works from the painter's reference in the place of the canvas. One that takes a picture
    apart is shown that picture.
    """
    if model is None or model.references < 1 or model.variant == "layered":
        return 0
    return min(MOST_REFERENCES, max(1, model.references - 1))


@dataclass(frozen=True)
class _Seen:
    """How a layer was when last looked at; its name is None where it was not there.

    `drawn` is where on the canvas it had pixels when its thumbnail was taken, None while one is due. The thumbnail is None, too,
    where there was nothing to see.
    """

    name: str | None
    thumbnail: QtGui.QImage | None = None
    drawn: QtCore.QRect | None = field(default=None, compare=False)

    def is_due(self, node: canvas.Node) -> bool:
        """Return whether a thumbnail has still to be taken: the first, or one of a layer that was empty and is no longer."""
        return self.drawn is None or (self.thumbnail is None and node.bounds() != self.drawn)


class References:
    """How the references of the active document look. They themselves are settings."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._seen: dict[str, _Seen] = {}
        self._looked = 0.0

    def views(self, document: Document, settings: Settings, room: int) -> tuple[ReferenceView, ...]:
        """Return how the references look; none where the model takes none."""
        if room == 0:
            return ()
        if self._document != document or any(one.layer not in self._seen for one in settings.references):
            self._look(document, settings, anew=False)
        return tuple(self._view(one, at < room) for at, one in enumerate(settings.references))

    def look(self, document: Document, settings: Settings, anew: bool = False) -> bool:
        """Look at the layers again, but for when that was a moment ago; `anew` does in any case, and takes new thumbnails.

        Return whether anything looks different.
        """
        now = time.monotonic()
        if not settings.references or (now < self._looked + LOOK_SECONDS and not anew):
            return False
        self._looked = now
        before = self._seen
        self._look(document, settings, anew)
        return self._seen != before

    def _look(self, document: Document, settings: Settings, anew: bool) -> None:
        known = self._seen if self._document == document else {}
        self._document, self._seen = document, {}
        nodes = {canvas.layer_id(node): node for node in canvas.layers(document)}
        due = []
        for one in settings.references:
            node, before = nodes.get(one.layer), known.get(one.layer, _Seen(None))
            # one that comes back by undo looks as it did
            seen = self._seen[one.layer] = replace(before, name=None if node is None else node.name())
            if node is not None and (anew or seen.is_due(node)):
                self._seen[one.layer] = replace(seen, drawn=None)
                due.append((one.layer, node))
        # nothing is drawn in the middle of a stroke; asked only here, since each time Krita resynchronises its Instant Preview
        if due and canvas.is_at_rest(document):
            for layer, node in due:
                self._seen[layer] = _Seen(node.name(), _thumbnail(node), node.bounds())

    def _view(self, one: Reference, taken: bool) -> ReferenceView:
        seen = self._seen[one.layer]
        there = seen.name is not None
        return ReferenceView(one.layer, seen.name or one.name, there, taken, seen.thumbnail)


def with_active_layer(document: Document, settings: Settings, room: int) -> Settings | protocol.Failure:
    """Return the settings with the document's active layer among the references, or why it cannot be."""
    node = canvas.active_layer(document)
    if node is None:
        return NO_LAYER
    layer = canvas.layer_id(node)
    if any(one.layer == layer for one in settings.references):
        return CHOSEN_ALREADY
    if len(settings.references) >= room:
        return NO_ROOM
    chosen = Reference(layer, node.name()[: protocol.MAX_NAME_CHARS])
    return replace(settings, references=(*settings.references, chosen))


def without_layer(settings: Settings, layer: str) -> Settings:
    """Return the settings without that reference."""
    return replace(settings, references=tuple(one for one in settings.references if one.layer != layer))


def _thumbnail(node: canvas.Node) -> QtGui.QImage | None:
    image = canvas.thumbnail_of(node, THUMBNAIL_SIDE)
    return None if image.isNull() else image
