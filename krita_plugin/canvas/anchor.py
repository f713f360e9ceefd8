"""Where a result belongs, in terms that outlast what the painter does while it is being made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import dropwhile, islice
from typing import Final

from ..bundled import protocol
from .api import Document, Node
from .document import active_node, extent_of, layer_by_id, layer_id, layers
from .ours import results

MOST_POSITIONS: Final = 200
"""Layers whose position is remembered: enough to outvote those that the painter moved, and read in well under 10 ms."""


class Note(Enum):
    """What became different while the result was made, for the docker to tell."""

    LAYER_GONE = "layer_gone"
    """The layer on which it was asked for is no longer there; the result lies above the active one."""

    GROUP_CLOSED = "group_closed"
    """The layer lies in a group that is hidden or locked; the result lies above that group."""

    CANVAS_SHIFTED = "canvas_shifted"
    """The canvas was cropped or extended to the left or above; the result moved along with the picture."""

    CANVAS_RESIZED = "canvas_resized"
    """The canvas has another size, and what was painted stayed where it was, counted from the left upper corner."""

    ENLARGED = "enlarged"
    """The area was too large to be painted at once: it was painted smaller and enlarged."""


@dataclass(frozen=True)
class Anchor:
    """What a document looked like when a result was asked for.

    `canvas` is its size, `layer` the id of the layer that was active ("" where none was). `positions` are the offsets in
    pixels of its paint layers by id: cropping moves all of them by as much as the picture, painting none.
    """

    canvas: protocol.Extent
    layer: str
    positions: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Place:
    """Where a new layer goes: into `parent`, right above `above`, or on top of it where that is None."""

    parent: Node
    above: Node | None
    notes: tuple[Note, ...] = ()


def take_anchor(document: Document, canvas: protocol.Extent) -> Anchor:
    """Return the anchor of a document with a canvas of that size, as it is now."""
    active = active_node(document)
    return Anchor(canvas, layer_id(active) if active is not None else "", _positions(document))


def shift_since(document: Document, anchor: Anchor) -> tuple[tuple[int, int], tuple[Note, ...]]:
    """Return by how many pixels (x, y) the picture has moved on the canvas since, and what to tell the painter.

    Krita does not say how a canvas was cropped; so the paint layers vote, those of then that are still there. Only where
    the canvas' size is another one: else somebody moved layers, and a result has its own place.
    """
    if extent_of(document) == anchor.canvas:
        return (0, 0), ()
    now = _positions(document)
    moves = Counter(
        (now[key][0] - x, now[key][1] - y) for key, (x, y) in anchor.positions.items() if key in now
    ).most_common(1)
    if moves and moves[0][0] != (0, 0):
        return moves[0][0], (Note.CANVAS_SHIFTED,)
    return (0, 0), (Note.CANVAS_RESIZED,)


def find_place(document: Document, anchor: Anchor) -> Place | None:
    """Return where the result goes, or None where the document has been closed.

    That is above the layer that was active when it was asked for, or above the one that is active now if that one is gone,
    or on top where there is neither; and above the results that lie directly over that layer already, which would hide it.
    Masks count as their layer. Never inside a group that is hidden or locked: there it would not be seen, or change what the
    painter has closed.
    """
    root = document.rootNode()
    if root is None:
        return None
    notes: list[Note] = []
    layer = layer_by_id(document, anchor.layer) if anchor.layer else None
    if layer is None:
        if anchor.layer:
            notes.append(Note.LAYER_GONE)
        layer = active_node(document)
    above = None
    for node in _upwards(layer, root):
        if above is None or node.locked() or not node.visible():
            if above is not None and Note.GROUP_CLOSED not in notes:
                notes.append(Note.GROUP_CLOSED)
            above = node
    if above is None:
        return Place(root, _topmost(root), tuple(notes))
    parent = above.parentNode() or root
    return Place(parent, _over_results(document, parent, above), tuple(notes))


def _over_results(document: Document, parent: Node, layer: Node) -> Node:
    """Return the uppermost of the results that lie directly over a layer, or the layer itself where there are none."""
    own, uppermost = layer_id(layer), layer
    passed = results(document) | {own}
    beside = (node for node in parent.childNodes() if not node.type().endswith("mask"))
    for node in dropwhile(lambda node: layer_id(node) != own, beside):
        if layer_id(node) not in passed:
            break
        uppermost = node
    return uppermost


def _upwards(node: Node | None, root: Node) -> list[Node]:
    """Return the layer that this node is or belongs to, and the groups around it, from the inside out, without the root."""
    found: list[Node] = []
    top = layer_id(root)
    while node is not None and layer_id(node) != top:
        if not node.type().endswith("mask"):
            found.append(node)
        node = node.parentNode()
    return found


def _topmost(root: Node) -> Node | None:
    above = [child for child in root.childNodes() if not child.type().endswith("mask")]
    return above[-1] if above else None


def _positions(document: Document) -> dict[str, tuple[int, int]]:
    painted = (node for node in layers(document) if node.type() == "paintlayer")
    return {layer_id(node): (node.position().x(), node.position().y()) for node in islice(painted, MOST_POSITIONS)}
