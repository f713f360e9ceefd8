"""Runs inside Krita: a stack of pictures becomes one group of layers. For test_canvas.py."""

from __future__ import annotations

from documents import (
    PLACE,
    SRGB,
    Extent,
    activate,
    at_rest,
    names,
    noise,
    opened,
    paint,
    picture,
    placed,
    stepped,
    tree_with_group,
    turns,
    whole,
)

from krita_plugin import canvas
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.document import layer_by_id
from krita_plugin.canvas.layer import NOT_AT_REST
from krita_plugin.qt import QtCore

COLOURS = ((50, 100, 200), (200, 20, 10), (0, 250, 5))


def stack(depth, extent=PLACE.extent):
    """Three layers: the lowest is opaque noise, the next ones of one colour, clear in part."""
    data = bytearray(noise("RGBA", depth.upper(), extent.area))
    return (
        canvas.Pixels(QtCore.QByteArray(bytes(data)), extent, "bgra", depth),
        *(picture(depth, colour, extent) for colour in COLOURS[1:]),
    )


def add_group(document, layers, at=PLACE):
    anchor = take_anchor(document, canvas.extent_of(document))
    added = yield from placed(lambda: canvas.add_layer(document, layers, at, "a red apple", anchor))
    assert isinstance(added, canvas.Added), added
    yield from at_rest(document)
    return layer_by_id(document, added.layer), added


def in_group(depth, profile):
    document = yield from opened("RGBA", depth, profile)
    active = document.activeNode()
    document.rootNode().addChildNode(document.createNode("Mine", "paintlayer"), None)
    yield from at_rest(document)
    yield from turns()
    yield from activate(document, active)
    before = whole(document)
    layers = stack(depth.lower())
    group, added = yield from add_group(document, layers)
    assert (group.type(), added.bounds, added.notes) == ("grouplayer", PLACE, ())
    assert names(document.rootNode()) == ["Background", "a red apple", "Mine"]
    assert names(group) == ["Layer 1", "Layer 2", "Layer 3"]
    place = (PLACE.x, PLACE.y, PLACE.width, PLACE.height)

    def bits():
        inside = layer_by_id(document, added.layer).childNodes()
        return [bytes(child.pixelData(*place).data()) for child in inside]

    sent = [bytes(layer.view()) for layer in layers]
    assert bits() == sent
    yield from turns()
    assert document.activeNode() == active
    after = whole(document)
    assert after != before
    yield from stepped(document, "edit_undo")
    yield lambda: names(document.rootNode()) == ["Background", "Mine"]
    yield from at_rest(document)
    assert whole(document) == before
    yield from stepped(document, "edit_redo")
    yield lambda: names(document.rootNode()) == ["Background", "a red apple", "Mine"]
    yield from at_rest(document)
    assert bits() == sent
    assert whole(document) == after
    # the next undo is for what the painter did before: there is no other step for a layer in the group
    yield from stepped(document, "edit_undo")
    yield lambda: names(document.rootNode()) == ["Background", "Mine"]
    yield from at_rest(document)
    yield from stepped(document, "edit_undo")
    yield lambda: names(document.rootNode()) == ["Background"]


def check_a_group_is_one_step_of_undo_to_the_bit_in_8_bit(t):
    yield from in_group("U8", "")


def check_a_group_is_one_step_of_undo_to_the_bit_in_16_bit(t):
    yield from in_group("U16", SRGB)


def check_a_group_in_a_grey_document_is_converted_layer_by_layer(t):
    document = yield from opened("GRAYA", "U8")
    group, _ = yield from add_group(document, stack("u8"))
    assert names(group) == ["Layer 1", "Layer 2", "Layer 3"]
    assert {(child.colorModel(), child.bounds().width()) for child in group.childNodes()[1:]} == {("GRAYA", 20)}


def check_a_group_goes_above_the_active_layer_and_into_its_group(t):
    document = yield from opened()
    root, group, inner, _top = yield from tree_with_group(document)
    yield from activate(document, inner)
    yield from add_group(document, stack("u8"))
    yield from turns()
    assert names(group) == ["Inner", "a red apple"]
    assert document.activeNode() == inner
    yield from activate(document, group)
    yield from add_group(document, stack("u8"))
    assert names(root) == ["Background", "Group", "a red apple", "Top"]


def check_a_group_of_a_smaller_painting_is_enlarged_layer_by_layer(t):
    document = yield from opened()
    half = Extent(PLACE.width // 2, PLACE.height // 2)
    group, added = yield from add_group(document, stack("u8", half))
    assert added.notes == (canvas.Note.ENLARGED,)
    shapes = [(child.bounds().x(), child.bounds().right() + 1) for child in group.childNodes()]
    assert shapes[0] == (PLACE.x, PLACE.right)
    assert all(right == PLACE.right for _, right in shapes)


def check_a_group_waits_until_the_document_is_at_rest(t):
    document = yield from opened()
    yield from at_rest(document)
    anchor = take_anchor(document, canvas.extent_of(document))
    steps = canvas.layer_steps(document, stack("u8"), PLACE, "a red apple", anchor)
    next(steps)
    # between two of its layers the painter goes on
    document.crop(10, 5, 60, 50)
    document.waitForDone()
    yield from at_rest(document)
    became = canvas.at_once(steps)
    assert became == NOT_AT_REST, became
    assert names(document.rootNode()) == ["Background"]
    paint(document, noise("RGBA", "U8", 60 * 50))
    added = yield from placed(lambda: canvas.add_layer(document, stack("u8"), PLACE, "a red apple", anchor))
    assert added.bounds == PLACE.moved(-10, -5)
