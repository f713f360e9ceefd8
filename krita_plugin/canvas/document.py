"""Which document this is, whether it is at rest, and what layers it has."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from ..bundled import protocol
from ..qt import QtCore
from .api import Document, Node, running_krita

IDENTITY: Final = "scumble/document"
"""Name of the annotation that holds a document's identity; Krita saves it in the .kra."""

NO_DOCUMENT: Final = protocol.Failure(
    "no_document", "No document is open.", "Open a picture or make a new one, then try again."
)
DOCUMENT_CLOSED: Final = protocol.Failure(
    "document_closed", "The document was closed.", "Open it again: the result is kept and offered there."
)


def extent_of(document: Document) -> protocol.Extent | None:
    """Return the canvas' size, or None where the document has been closed."""
    width, height = document.width(), document.height()
    return protocol.Extent(width, height) if width > 0 and height > 0 else None


def is_at_rest(document: Document) -> bool:
    """Return whether nothing is being done to the document: no stroke, no transformation, no redrawing. Never waits."""
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True


def layers(document: Document) -> Iterator[Node]:
    """Yield every node of the document from the bottom up, a group after what is in it; not the painter's selection."""
    root = document.rootNode()
    if root is not None:
        yield from _below(root)


def _below(node: Node) -> Iterator[Node]:
    for child in node.childNodes():
        if child.type() != "selectionmask":
            yield from _below(child)
            yield child


def layer_id(node: Node) -> str:
    """Return the node's id: the same as long as it lives, and after saving and opening again."""
    return node.uniqueId().toString()


def layer_by_id(document: Document, wanted: str) -> Node | None:
    """Return the layer with that id, or None where it is no longer in the document."""
    return next((node for node in layers(document) if layer_id(node) == wanted), None)


def active_node(document: Document) -> Node | None:
    """Return the layer or mask that the painter is at; None where there is none.

    Krita's own answer does not change any more once there is a second view of the document. What is chosen in the view in
    front does; where no such view shows the document, nothing better than that answer is known.
    """
    krita = running_krita()
    if sum(view.document() == document for view in krita.views()) > 1:
        # none is the active one while another program's window is in front
        for window in (krita.activeWindow(), *krita.windows()):
            view = window.activeView() if window is not None else None
            chosen = view.selectedNodes() if view is not None and view.document() == document else []
            if chosen:
                return chosen[-1]
    return document.activeNode()


def active_layer(document: Document) -> Node | None:
    """Return the active layer, or the one that the active mask belongs to; None where there is none."""
    node, root = active_node(document), document.rootNode()
    while node is not None and node.type().endswith("mask"):
        node = node.parentNode()
    return None if node is None or root is None or layer_id(node) == layer_id(root) else node


def identity(document: Document) -> str:
    """Return the id that was written into the document, 32 hexadecimal digits, or "" where there is none."""
    text = document.annotation(IDENTITY).data().decode("ascii", "replace")
    return text if protocol.is_job_id(text) else ""


def assign_identity(document: Document) -> str:
    """Return the document's id, and write a new one first where there is none: that marks the document as modified."""
    known = identity(document)
    if known:
        return known
    made = uuid.uuid4().hex
    document.setAnnotation(IDENTITY, "Scumble's name for this document", QtCore.QByteArray(made.encode()))
    return made


def find_document(documents: Iterable[Document], known: str, layer_ids: frozenset[str]) -> Document | None:
    """Return the open document that a job came from, or None.

    It is the one that has the id `known`, or, where none has been written, the one with most of the layers `layer_ids`:
    Krita saves their ids, so an untouched document is found again without having been written to.
    """
    candidates = list(documents)
    if known:
        for document in candidates:
            if identity(document) == known:
                return document
    shared = [len(layer_ids & {layer_id(node) for node in layers(document)}) for document in candidates]
    best = max(shared, default=0)
    return candidates[shared.index(best)] if best else None
