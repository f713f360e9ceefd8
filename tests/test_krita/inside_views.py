"""Runs inside Krita: one document in several views and windows. For test_canvas.py."""

from __future__ import annotations

from documents import activate, add, added_to, app, at_rest, names, opened, placed, turns

from krita_plugin import canvas
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.document import active_node


def with_layers():
    """A document with three layers over the background, of which the lowest is active."""
    document = yield from opened()
    root = document.rootNode()
    for name in ("low", "middle", "top"):
        root.addChildNode(document.createNode(name, "paintlayer"), None)
    yield from at_rest(document)
    low, middle, top = root.childNodes()[1:]
    yield from activate(document, low)
    return document, low, middle, top


def shown_again(document, window):
    view = window.addView(document)
    yield lambda: sum(one.document() == document for one in app.views()) > 1
    yield from turns()
    yield from at_rest(document)
    return view


def go_to(document, node):
    """Make a node the active one; Krita's own `activeNode` does not tell where there are several views."""

    def is_active():
        if active_node(document) != node:
            document.setActiveNode(node)
            return False
        return canvas.is_at_rest(document)

    yield is_active


def check_a_result_lies_above_the_layer_that_is_active_in_the_view_in_front(t):
    document, _low, middle, top = yield from with_layers()
    yield from shown_again(document, app.activeWindow())
    yield from go_to(document, middle)
    assert canvas.active_layer(document) == middle
    yield from add(document, prompt="first")
    yield from turns()
    assert active_node(document) == middle, active_node(document).name()
    assert names(document.rootNode()) == ["Background", "low", "middle", "first", "top"]
    yield from go_to(document, top)
    yield from add(document, prompt="second")
    yield from turns()
    assert active_node(document) == top, active_node(document).name()
    assert names(document.rootNode()) == ["Background", "low", "middle", "first", "top", "second"]


def check_where_the_layer_is_gone_it_lies_above_the_active_one(t):
    document, _low, middle, top = yield from with_layers()
    yield from shown_again(document, app.activeWindow())
    yield from go_to(document, top)
    anchor = take_anchor(document, canvas.extent_of(document))
    yield from go_to(document, middle)
    top.remove()
    yield from turns()
    yield from at_rest(document)
    added = yield from placed(lambda: added_to(document, anchor=anchor, prompt="new"))
    assert added.notes == (canvas.Note.LAYER_GONE,), added
    assert names(document.rootNode()) == ["Background", "low", "middle", "new"]


def check_another_document_in_front_tells_nothing_of_this_one(t):
    document, _low, middle, _top = yield from with_layers()
    yield from shown_again(document, app.activeWindow())
    yield from go_to(document, middle)
    other = yield from opened()
    assert active_node(other) == other.activeNode()
    assert active_node(document) == document.activeNode()
