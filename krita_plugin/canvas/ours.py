"""Which layers of a document are results: those that Scumble added, told from the painter's own.

They are known by their ids, which Krita saves; the list is an annotation, saved with them in the .kra. So it is
known after closing and opening, too, and whatever the painter calls or does to a layer. What he copies is his own.
"""

from __future__ import annotations

from typing import Final

from ..qt import QtCore
from .api import Document

RESULTS: Final = "scumble/results"
"""Name of the annotation that lists the ids of results, one a line, the newest last."""

MOST_RESULTS: Final = 1000
"""Results that are remembered: more than anybody stacks, and 39 KB in the file. The oldest are forgotten first."""


def results(document: Document) -> frozenset[str]:
    """Return the ids of the layers and groups that were added as results; some may be in the document no longer."""
    return frozenset(_listed(document))


def note_result(document: Document, layer: str) -> None:
    """Remember that the layer with this id is a result. It marks the document as modified, and is no step of undo."""
    known = [*_listed(document), layer][-MOST_RESULTS:]
    document.setAnnotation(RESULTS, "Layers that Scumble added", QtCore.QByteArray("\n".join(known).encode()))


def _listed(document: Document) -> list[str]:
    return document.annotation(RESULTS).data().decode("ascii", "replace").split()
