"""Documents that are shown in several views, with the stand-in for Krita. Started by `test_bindings.py`."""

import krita
import pytest
from room import opened

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.document import active_node
from krita_plugin.qt import QtCore

Bounds, Extent = protocol.Bounds, protocol.Extent
SIZE = Extent(40, 30)


@pytest.fixture
def document():
    """One with two views, and three layers above the background; the lowest was active before the second was opened."""
    krita.open_window()
    document = opened()
    lowest = document.activeNode()
    for name in ("low", "middle", "top"):
        document.rootNode().addChildNode(document.createNode(name, "paintlayer"), None)
    QtCore.QCoreApplication.processEvents()
    document.setActiveNode(lowest)
    krita.show_again(document)
    return document


def layer(document, name):
    return next(node for node in document.rootNode().childNodes() if node.name() == name)


def names(document):
    return [child.name() for child in document.rootNode().childNodes()]


def add(document, anchor=None):
    anchor = anchor or take_anchor(document, SIZE)
    pixels = canvas.Pixels(QtCore.QByteArray(b"\xff" * SIZE.area * 4), SIZE, "bgra", "u8")
    added = canvas.add_layer(document, pixels, Bounds.of(SIZE), "new", anchor)
    assert isinstance(added, canvas.Added), added
    QtCore.QCoreApplication.processEvents()
    return added


@pytest.mark.parametrize("focus", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_result_lies_above_the_layer_that_is_active_now_and_that_stays_active(document, focus, at_once):
    krita.Krita.instance().activates_at_once = at_once
    krita.choose(document, layer(document, "middle"))
    krita.Krita.instance().has_focus = focus
    add(document)
    assert names(document) == ["Background", "low", "middle", "new", "top"]
    assert active_node(document).name() == "middle"


def test_where_the_layer_is_gone_it_lies_above_the_active_one(document):
    krita.choose(document, layer(document, "top"))
    anchor = take_anchor(document, SIZE)
    layer(document, "top").remove()
    krita.choose(document, layer(document, "low"))
    assert add(document, anchor).notes == (canvas.Note.LAYER_GONE,)
    assert names(document) == ["Background", "low", "new", "middle"]


def test_of_several_that_are_chosen_the_last_is_active(document):
    krita.choose(document, layer(document, "top"), layer(document, "low"))
    assert active_node(document).name() == "low"
    assert canvas.active_layer(document).name() == "low"


def test_another_document_in_front_tells_nothing_of_this_one(document):
    krita.choose(document, layer(document, "middle"))
    other = opened()
    assert active_node(other).name() == "Background"
    assert active_node(other) == other.activeNode()
    assert active_node(document) == document.activeNode()


def test_with_one_view_krita_is_asked(document):
    other = opened()
    made = other.createNode("made", "paintlayer")
    other.rootNode().addChildNode(made, None)
    other.setActiveNode(made)
    krita.choose(document, layer(document, "top"))
    assert active_node(other) == made


def test_a_document_without_layers_has_none_that_is_active(document):
    for node in document.rootNode().childNodes():
        node.remove()
    document._inner.before_the_second = None
    assert active_node(document) is None
    document.close()
    assert active_node(document) is None
