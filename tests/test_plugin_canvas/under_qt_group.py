"""A stack of pictures as one group, under one binding, with the stand-in for Krita. Started by `test_bindings.py`."""

import random

import krita
import pytest
from room import SRGB, opened

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.layer import NOT_ADDED, NOT_AT_REST, OFF_CANVAS
from krita_plugin.qt import QtCore

Bounds, Extent = protocol.Bounds, protocol.Extent
PLACE = Bounds(10, 5, 20, 15)


def stack(depth="u8", extent=PLACE.extent, count=3):
    rng = random.Random(1)
    size = extent.area * (4 if depth == "u8" else 8)
    return tuple(canvas.Pixels(QtCore.QByteArray(rng.randbytes(size)), extent, "bgra", depth) for _ in range(count))


def add(document, layers, anchor=None, at=PLACE):
    anchor = anchor or take_anchor(document, canvas.extent_of(document))
    return canvas.add_layer(document, layers, at, "an apple", anchor)


def names(node):
    return [child.name() for child in node.childNodes()]


def seen(document):
    return bytes(document.pixelData(0, 0, document.width(), document.height()))


@pytest.mark.parametrize(("depth", "profile"), [("U8", ""), ("U16", SRGB)])
def test_a_stack_is_one_group_and_one_step_to_the_bit(depth, profile):
    document = opened(depth=depth, profile=profile)
    before, active = seen(document), document.activeNode()
    layers = stack(depth.lower())
    added = add(document, layers)
    assert (added.bounds, added.notes) == (PLACE, ())
    group = document.rootNode().childNodes()[-1]
    assert (group.name(), group.type(), canvas.layer_id(group)) == ("an apple", "grouplayer", added.layer)
    assert names(group) == ["Layer 1", "Layer 2", "Layer 3"]
    at = (PLACE.x, PLACE.y, PLACE.width, PLACE.height)
    assert [bytes(child.pixelData(*at)) for child in group.childNodes()] == [bytes(layer.view()) for layer in layers]
    QtCore.QCoreApplication.processEvents()
    assert document.activeNode() == active
    after = seen(document)
    assert after != before, "it is to be seen"
    assert krita.undo_steps(document) == ["Add Layer"]
    krita.undo(document)
    assert (names(document.rootNode()), seen(document)) == (["Background"], before)
    krita.redo(document)
    assert (names(document.rootNode()), seen(document)) == (["Background", "an apple"], after)


def test_nothing_is_left_of_the_unseen_document():
    document = opened()
    add(document, stack())
    assert krita.Krita.instance().documents() == [document]


def test_each_layer_is_converted():
    document = opened("GRAYA")
    added = add(document, stack())
    (group,) = [node for node in document.rootNode().childNodes() if canvas.layer_id(node) == added.layer]
    assert {child.colorModel() for child in group.childNodes()} == {"GRAYA"}
    assert all(bytes(child.pixelData(10, 5, 20, 15)).strip(b"\0") for child in group.childNodes())
    assert krita.undo_steps(document) == ["Add Layer"]


def test_a_smaller_stack_is_enlarged():
    document = opened()
    added = add(document, stack(extent=Extent(10, 8)))
    assert added.notes == (canvas.Note.ENLARGED,)
    group = document.rootNode().childNodes()[-1]
    assert [child.bounds().width() for child in group.childNodes()] == [20, 20, 20]


def test_between_two_layers_the_painter_goes_on():
    """What is half written is begun anew where the canvas is another one by then, and nothing is added in a stroke."""
    document = opened()
    anchor = take_anchor(document, canvas.extent_of(document))
    steps = canvas.layer_steps(document, stack(), PLACE, "an apple", anchor)
    next(steps)
    document.crop(4, 2, 30, 25)
    assert canvas.at_once(steps) == NOT_AT_REST
    assert names(document.rootNode()) == ["Background"]
    steps = canvas.layer_steps(document, stack(), PLACE, "an apple", anchor)
    next(steps)
    krita.set_stroke(document, True)
    assert canvas.at_once(steps) == NOT_AT_REST
    krita.set_stroke(document, False)
    assert add(document, stack(), anchor).bounds == PLACE.moved(-4, -2)


def test_a_document_that_is_closed_between_two_layers_takes_none():
    document = opened()
    steps = canvas.layer_steps(document, stack(), PLACE, "an apple", take_anchor(document, Extent(40, 30)))
    next(steps)
    document.close()
    assert canvas.at_once(steps) == canvas.DOCUMENT_CLOSED


def test_a_place_that_is_partly_off_the_canvas_is_composed_as_far_as_it_is_on_it():
    document = opened()
    before = seen(document)
    added = add(document, stack(), at=Bounds(30, 20, 20, 15))
    assert isinstance(added, canvas.Added)
    assert seen(document) != before
    assert add(document, stack(), at=Bounds(60, 60, 20, 15)) == OFF_CANVAS


def test_a_group_that_krita_does_not_take_is_told(monkeypatch):
    document = opened()
    monkeypatch.setattr(krita.Node, "addChildNode", lambda self, child, above: False)
    assert add(document, stack()) == NOT_ADDED
    assert names(document.rootNode()) == ["Background"]
    assert krita.Krita.instance().documents() == [document]


def test_an_empty_stack_is_none():
    with pytest.raises(ValueError, match="no layer"):
        add(opened(), ())


def test_the_stand_in_is_as_krita_where_groups_are_filled_by_hand():
    """Each layer would be a step of its own, and nothing would be seen."""
    document = opened()
    before = seen(document)
    group = document.createNode("Group", "grouplayer")
    layer = document.createNode("Inner", "paintlayer")
    layer.setPixelData(stack()[0].data, 10, 5, 20, 15)
    group.addChildNode(layer, None)
    document.rootNode().addChildNode(group, None)
    assert krita.undo_steps(document) == ["Add Layer", "Add Layer"]
    assert seen(document) == before
    document.refreshProjection()
    assert seen(document) != before
