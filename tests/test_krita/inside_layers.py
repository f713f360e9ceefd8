"""Runs inside Krita: where result layers land, whatever the painter has done meanwhile. For test_canvas.py."""

from __future__ import annotations

from documents import (
    HEIGHT,
    PLACE,
    WHOLE,
    WIDTH,
    Bounds,
    Extent,
    activate,
    add,
    added_to,
    at_rest,
    names,
    opened,
    placed,
    selected,
    stepped,
    tree_with_group,
    trigger,
    turns,
)

from krita_plugin import canvas
from krita_plugin.canvas.anchor import find_place, take_anchor
from krita_plugin.canvas.document import layer_by_id
from krita_plugin.canvas.layer import OFF_CANVAS


def check_selection_stays_and_the_layer_lies_over_it(t):
    document = yield from opened()
    selected(document, (10, 12, 20, 8, 128))
    yield from at_rest(document)
    before = bytes(canvas.read_mask(document, WHOLE).view())
    added = yield from add(document)
    assert bytes(canvas.read_mask(document, WHOLE).view()) == before
    assert canvas.selected_bounds(document) == Bounds(10, 12, 20, 8)
    tree = [(node.name(), node.type()) for node in document.rootNode().childNodes()]
    assert [name for name, kind in tree if kind == "paintlayer"][1:] == ["a red apple"], tree
    assert layer_by_id(document, added.layer).parentNode() == document.rootNode()


def check_layer_with_the_selection_mask_active(t):
    document = yield from opened()
    selected(document, (10, 12, 20, 8, 128))
    trigger("show-global-selection-mask")
    mask = next(node for node in document.rootNode().childNodes() if node.type() == "selectionmask")
    yield from activate(document, mask)
    added = yield from add(document)
    assert isinstance(added, canvas.Added)
    assert [node.name() for node in canvas.layers(document)][1:] == ["a red apple"]
    trigger("show-global-selection-mask")


def check_layer_lands_above_the_active_one(t):
    document = yield from opened()
    root, group, inner, top = yield from tree_with_group(document)
    for active, parent, wanted in (
        (inner, group, ["Inner", "a red apple"]),
        (group, root, ["Background", "Group", "a red apple", "Top"]),
        (top, root, ["Background", "Group", "a red apple", "Top", "a red apple"]),
    ):
        yield from activate(document, active)
        added = yield from add(document)
        assert added.notes == ()
        yield from turns()
        assert names(parent) == wanted, names(parent)
        assert document.activeNode() == active


def check_a_newer_result_lies_over_the_older_ones(t):
    document = yield from opened()
    root, background = document.rootNode(), document.activeNode()
    mine = document.createNode("Mine", "paintlayer")
    root.addChildNode(mine, None)
    yield from activate(document, background)
    selected(document, (10, 12, 20, 8, 128))
    yield from at_rest(document)

    def painted():
        return [node.name() for node in root.childNodes() if node.type() == "paintlayer"]

    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    for prompt in ("first", "second"):
        yield from add(document, prompt=prompt)
        yield from turns()
        assert document.activeNode() == background
    assert painted() == ["Background", "first", "second", "Mine"]
    yield from add(document, prompt="another variation", anchor=anchor)
    assert painted() == ["Background", "first", "second", "another variation", "Mine"]
    yield from stepped(document, "edit_undo")
    yield lambda: canvas.is_at_rest(document) and painted() == ["Background", "first", "second", "Mine"]
    yield from stepped(document, "edit_redo")
    yield lambda: canvas.is_at_rest(document) and "another variation" in painted()
    yield from activate(document, background)
    yield from add(document, prompt="last")
    assert painted() == ["Background", "first", "second", "another variation", "last", "Mine"]


def check_layer_above_a_vector_layer(t):
    document = yield from opened()
    vector = document.createVectorLayer("Vector")
    document.rootNode().addChildNode(vector, None)
    yield from at_rest(document)
    yield from activate(document, vector)
    added = yield from add(document)
    assert isinstance(added, canvas.Added)
    assert names(document.rootNode()) == ["Background", "Vector", "a red apple"]


def check_layer_above_the_layer_of_a_mask(t):
    document = yield from opened()
    selected(document, (10, 12, 20, 8, 255))
    yield from at_rest(document)
    trigger("add_new_transparency_mask")
    yield lambda: any(child.type() == "transparencymask" for child in document.rootNode().childNodes()[0].childNodes())
    mask = document.rootNode().childNodes()[0].childNodes()[0]
    yield from activate(document, mask)
    added = yield from add(document)
    assert layer_by_id(document, added.layer).parentNode() == document.rootNode()
    assert names(document.rootNode())[:2] == ["Background", "a red apple"]


def check_layer_leaves_closed_groups_alone(t):
    document = yield from opened()
    root, group, inner, _top = yield from tree_with_group(document)
    yield from activate(document, inner)
    for shut, open_again in (
        (lambda: group.setVisible(False), lambda: group.setVisible(True)),
        (lambda: group.setLocked(True), lambda: group.setLocked(False)),
    ):
        shut()
        place = find_place(document, take_anchor(document, Extent(WIDTH, HEIGHT)))
        assert place.parent == root
        assert place.above == group
        assert place.notes == (canvas.Note.GROUP_CLOSED,)
        open_again()
    for change in (lambda: inner.setLocked(True), lambda: inner.setVisible(False)):
        change()
        place = find_place(document, take_anchor(document, Extent(WIDTH, HEIGHT)))
        assert place.parent == group
        assert place.above == inner
        assert place.notes == ()


def check_layer_when_the_painter_moved_on(t):
    document = yield from opened()
    root, group, inner, top = yield from tree_with_group(document)
    yield from activate(document, inner)
    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    yield from activate(document, top)
    added = yield from add(document, anchor=anchor)
    assert added.notes == ()
    yield from turns()
    assert names(group) == ["Inner", "a red apple"]
    assert document.activeNode() == top
    inner.remove()
    yield lambda: canvas.is_at_rest(document) and names(group) == ["a red apple"]
    yield from activate(document, top)
    added = yield from add(document, anchor=anchor)
    assert added.notes == (canvas.Note.LAYER_GONE,)
    assert names(root)[-2:] == ["Top", "a red apple"]


def check_the_active_layer_is_deleted_at_once(t):
    document = yield from opened()
    for _ in range(4):
        doomed = document.createNode("Doomed", "paintlayer")
        document.rootNode().addChildNode(doomed, None)
        yield from activate(document, doomed)
        added = yield from placed(lambda: added_to(document))
        assert isinstance(added, canvas.Added), added
        doomed.remove()
        yield from at_rest(document)
        yield from turns()
        # Krita's own choice is one of the others; without one, the painter's brush would do nothing
        active = document.activeNode()
        assert active is not None
        assert active in document.rootNode().childNodes()


def check_layer_after_crop_and_resize(t):
    document = yield from opened()
    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    document.crop(10, 5, 70, 50)
    document.waitForDone()
    added = yield from add(document, anchor=anchor)
    assert added.notes == (canvas.Note.CANVAS_SHIFTED,)
    assert added.bounds == PLACE.moved(-10, -5)
    yield from at_rest(document)
    document.resizeImage(0, 0, 200, 100)
    document.waitForDone()
    added = yield from add(document, anchor=take_anchor(document, Extent(70, 50)))
    assert added.notes == (canvas.Note.CANVAS_RESIZED,)
    assert added.bounds == PLACE
    yield from at_rest(document)
    anchor = take_anchor(document, canvas.extent_of(document))
    before = names(document.rootNode())
    document.crop(100, 70, 20, 20)
    document.waitForDone()
    yield from at_rest(document)
    assert added_to(document, anchor=anchor) == OFF_CANVAS
    assert names(document.rootNode()) == before
