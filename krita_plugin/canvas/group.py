"""Layers as one group, of which undo knows nothing until it is added.

Krita counts each layer that a script adds to a group as an undo step of its own, also where that group is in no document yet, and a
group that was filled before it is added stays unseen: nothing has composed it. So it is filled and composed in a document
that nobody sees, and what is added to the painter's is a copy of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..bundled import protocol
from .api import Document, Krita, Node
from .colour import RESOLUTION
from .document import extent_of


def group_of(
    document: Document, layers: Sequence[Node], target: protocol.Bounds, name: str, krita: Krita
) -> Node | None:
    """Return a new group for the document, with these layers of its own in it, the lowest first; they must be in no document.

    `target` is where on the canvas their pixels are. None where the document is closed or Krita takes them not.
    """
    canvas = extent_of(document)
    if canvas is None:
        return None
    # what is composed is what lies on the canvas, counted from its left upper corner
    width, height = min(canvas.width, target.right), min(canvas.height, target.bottom)
    space = document.colorModel(), document.colorDepth(), document.colorProfile()
    bench = krita.createDocument(width, height, "Scumble", *space, RESOLUTION)
    try:
        bench.setBatchmode(True)
        root, group = bench.rootNode(), bench.createNode(name, "grouplayer")
        if root is None or not root.addChildNode(group, None):
            return None
        if not all(group.addChildNode(layer, None) for layer in layers):
            return None
        bench.waitForDone()
        return group.clone()
    finally:
        bench.setModified(False)
        bench.close()
