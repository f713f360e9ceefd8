"""Documents as values under one binding, with the stand-in for Krita. Started by `test_bindings.py`, once for each."""

import hashlib
import random

import krita
import pytest
from hypothesis import given
from hypothesis import strategies as st
from room import SRGB, opened

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import find_place, take_anchor
from krita_plugin.canvas.layer import MOST_NAME_CHARS, NOT_AT_REST, OFF_CANVAS, UNNAMED
from krita_plugin.canvas.selection import EMPTY_SELECTION, SELECTION_OFF_CANVAS
from krita_plugin.qt import QtCore, QtGui

Bounds, Extent = protocol.Bounds, protocol.Extent
SIZE = Extent(40, 30)
PLACE = Bounds(10, 5, 20, 15)


SIZE_OF = (SIZE.width, SIZE.height)


def paint(document, data):
    document.activeNode().setPixelData(QtCore.QByteArray(data), 0, 0, *SIZE_OF)
    document.refreshProjection()


def picture(extent=PLACE.extent, depth="u8"):
    row = [0, 0, 0, 0] * (extent.width // 2) + [50, 100, 200, 255] * (extent.width - extent.width // 2)
    one = bytes(row) if depth == "u8" else bytes(value for value in row for _ in range(2))
    return canvas.Pixels(QtCore.QByteArray(one * extent.height), extent, "bgra", depth)


def anchored(document):
    return take_anchor(document, canvas.extent_of(document))


def add(document, anchor=None, at=PLACE, prompt="an apple"):
    depth = canvas.result_depth(document)
    return canvas.add_layer(document, picture(at.extent, depth), at, prompt, anchor or anchored(document))


def names(node):
    return [child.name() for child in node.childNodes()]


def all_of(document):
    return bytes(document.pixelData(0, 0, document.width(), document.height()))


def test_pixels_are_handed_on_without_a_copy():
    data = QtCore.QByteArray(b"abcd" * 6)
    pixels = canvas.Pixels(data, Extent(3, 2), "bgra", "u8")
    view = pixels.view()
    view[0] = ord("x")
    assert bytes(data)[:4] == b"xbcd"
    raster = pixels.raster()
    assert raster.content == hashlib.sha256(bytes(data)).hexdigest()
    assert (raster.size, raster.width, raster.height, raster.order, raster.depth) == (24, 3, 2, "bgra", "u8")


def test_pixels_of_an_image_outlive_it():
    image = QtGui.QImage(5, 3, QtGui.QImage.Format.Format_RGBA8888)
    image.fill(QtGui.QColor(200, 100, 50, 128))
    view = canvas.Pixels.of_image(image).view()
    del image
    assert bytes(view) == bytes([50, 100, 200, 128]) * 15


@pytest.mark.parametrize(("order", "depth", "size"), [("bgra", "u8", 23), ("bgra", "u16", 24), ("rgba", "u8", 24)])
def test_pixels_refuse_what_they_are_not(order, depth, size):
    with pytest.raises(ValueError, match=r"layout|bytes"):
        canvas.Pixels(QtCore.QByteArray(size, b"\0"), Extent(3, 2), order, depth)


@pytest.mark.parametrize(("depth", "profile"), [("U8", ""), ("U16", SRGB)])
def test_snapshot_has_the_bits(depth, profile):
    document = opened("RGBA", depth, profile)
    width = 4 if depth == "U8" else 8
    data = random.Random(1).randbytes(SIZE.area * width)
    # opaque, since what is clear has no colour once composed
    data = b"".join(data[at : at + width * 3 // 4] + b"\xff" * (width // 4) for at in range(0, len(data), width))
    paint(document, data)
    shot = canvas.take_snapshot(document, PLACE, None)
    rows = range(PLACE.y, PLACE.bottom)
    wanted = b"".join(data[(y * 40 + PLACE.x) * width : (y * 40 + PLACE.right) * width] for y in rows)
    assert bytes(shot.image.view()) == wanted
    assert (shot.image.depth, shot.depth, shot.bounds) == (depth.lower(), depth.lower(), PLACE)
    assert shot.mask is None
    assert shot.selection is None


@pytest.mark.parametrize(
    ("model", "depth", "wanted"), [("RGBA", "U16", "u16"), ("RGBA", "F32", "u16"), ("GRAYA", "U8", "u8")]
)
def test_snapshot_of_other_spaces_is_what_is_seen(model, depth, wanted):
    document = opened(model, depth)
    shot = canvas.take_snapshot(document, PLACE, None)
    assert bytes(shot.image.view()) == b"\xff" * PLACE.extent.area * 4
    assert (shot.image.order, shot.image.depth, shot.depth) == ("bgra", "u8", wanted)


def test_snapshot_brings_the_mask_of_its_bounds():
    document = opened()
    selection = krita.Selection()
    selection.select(30, 20, 30, 30, 77)
    document.setSelection(selection)
    selected = canvas.selected_bounds(document)
    assert selected == Bounds(30, 20, 10, 10)
    shot = canvas.take_snapshot(document, Bounds(28, 19, 12, 11), selected)
    assert bytes(shot.mask.view()) == b"\0" * 12 + (b"\0\0" + b"\x4d" * 10) * 10
    assert shot.selection == selected


def test_snapshot_reads_nothing_but_its_bounds(monkeypatch):
    document, asked = opened(), []
    real = krita.Document.pixelData
    monkeypatch.setattr(krita.Document, "pixelData", lambda self, *at: asked.append(at) or real(self, *at))
    canvas.take_snapshot(document, PLACE, None)
    assert asked == [(10, 5, 20, 15)]


def test_snapshot_refuses_bounds_off_the_canvas():
    with pytest.raises(ValueError, match="outside the canvas"):
        canvas.take_snapshot(opened(), Bounds(30, 0, 11, 10), None)
    with pytest.raises(ValueError, match="outside the bounds"):
        canvas.take_snapshot(opened(), Bounds(0, 0, 5, 5), Bounds(4, 0, 2, 1))


def test_selection_where_nothing_is_selected():
    document = opened()
    assert canvas.selected_bounds(document) is None
    assert canvas.read_mask(document, PLACE) is None
    document.setSelection(krita.Selection())
    assert canvas.selected_bounds(document) == EMPTY_SELECTION
    away = krita.Selection()
    away.select(-20, -20, 20, 20, 255)
    document.setSelection(away)
    assert canvas.selected_bounds(document) == SELECTION_OFF_CANVAS
    # an L whose bounds reach onto the canvas, but none of its pixels
    away.select(-20, -20, 5, 40, 255)
    away.select(-20, -20, 40, 5, 255)
    assert canvas.selected_bounds(document) == SELECTION_OFF_CANVAS


@pytest.mark.parametrize(
    ("model", "depth", "profile"),
    [("RGBA", "U8", ""), ("RGBA", "U16", SRGB), ("RGBA", "U16", ""), ("RGBA", "F32", ""), ("GRAYA", "U8", "")],
)
def test_layer_is_one_step_and_leaves_the_rest_alone(model, depth, profile):
    document = opened(model, depth, profile)
    before, active = all_of(document), document.activeNode()
    added = add(document)
    assert added.notes == ()
    assert added.bounds == PLACE
    assert krita.undo_steps(document) == ["Add Layer"]
    assert krita.Krita.instance().documents() == [document]
    new = document.rootNode().childNodes()[1]
    assert (new.name(), new.colorModel(), new.colorDepth()) == ("an apple", model, depth)
    assert new.colorProfile() == document.colorProfile()
    assert new.bounds() == QtCore.QRect(20, 5, 10, 15)
    after = all_of(document)
    pixel = len(before) // SIZE.area
    changed = {at // pixel for at in range(len(before)) if before[at] != after[at]}
    assert changed == {y * 40 + x for y in range(5, 20) for x in range(20, 30)}
    QtCore.QCoreApplication.processEvents()
    assert document.activeNode() == active
    assert krita.undo(document) == "Add Layer"
    assert all_of(document) == before
    krita.redo(document)
    assert all_of(document) == after


def test_the_active_layer_is_given_back_at_once_where_krita_changes_it_at_once():
    document = opened()
    krita.Krita.instance().activates_at_once = True
    active = document.activeNode()
    add(document)
    assert document.activeNode() == active


def test_the_painter_may_choose_the_new_layer_later():
    document = opened()
    add(document)
    QtCore.QCoreApplication.processEvents()
    new = document.rootNode().childNodes()[1]
    document.setActiveNode(new)
    QtCore.QCoreApplication.processEvents()
    assert document.activeNode() == new


def test_a_layer_that_is_deleted_at_once_does_not_become_the_active_one_again():
    document = opened()
    active = document.activeNode()
    add(document)
    active.remove()
    QtCore.QCoreApplication.processEvents()
    assert names(document.rootNode()) == [document.activeNode().name()]


def test_layer_waits_for_the_stroke_to_end():
    document = opened()
    krita.set_stroke(document, True)
    assert not canvas.is_at_rest(document)
    assert add(document) == NOT_AT_REST
    assert names(document.rootNode()) == ["Background"]
    assert krita.undo_steps(document) == []
    krita.set_stroke(document, False)
    assert isinstance(add(document), canvas.Added)


def test_layer_without_an_active_one_goes_on_top():
    document = opened()
    document.setSelection(krita.Selection())
    document._inner.active = None
    add(document)
    assert names(document.rootNode()) == ["Background", "an apple", "Selection Mask"]


def grouped(document):
    """Background, a group that holds one layer, and a mask on the background."""
    root = document.rootNode()
    group, inner, mask = (
        document.createNode(*what)
        for what in (("Group", "grouplayer"), ("Inner", "paintlayer"), ("Mask", "transparencymask"))
    )
    root.addChildNode(group, None)
    group.addChildNode(inner, None)
    root.childNodes()[0].addChildNode(mask, None)
    QtCore.QCoreApplication.processEvents()
    return root, group, inner, mask


def test_layer_lands_right_above_the_one_it_was_asked_for():
    document = opened()
    root, group, inner, mask = grouped(document)
    for active, parent, above in ((inner, group, inner), (group, root, group), (mask, root, root.childNodes()[0])):
        document.setActiveNode(active)
        place = find_place(document, anchored(document))
        assert (place.parent, place.above, place.notes) == (parent, above, ())


def test_layer_never_goes_into_a_closed_group():
    document = opened()
    root, group, inner, _mask = grouped(document)
    document.setActiveNode(inner)
    for close, reopen in ((group.setVisible, True), (group.setLocked, False)):
        close(not reopen)
        place = find_place(document, anchored(document))
        assert (place.parent, place.above, place.notes) == (root, group, (canvas.Note.GROUP_CLOSED,))
        close(reopen)


def test_a_locked_or_hidden_layer_is_still_the_place():
    document = opened()
    _root, group, inner, _mask = grouped(document)
    document.setActiveNode(inner)
    inner.setLocked(True)
    inner.setVisible(False)
    place = find_place(document, anchored(document))
    assert (place.parent, place.above, place.notes) == (group, inner, ())


def test_layer_of_a_deleted_one_goes_above_the_active_one():
    document = opened()
    root, group, inner, _mask = grouped(document)
    document.setActiveNode(inner)
    anchor = anchored(document)
    inner.remove()
    document.setActiveNode(root.childNodes()[0])
    assert add(document, anchor).notes == (canvas.Note.LAYER_GONE,)
    assert names(root) == ["Background", "an apple", "Group"]
    assert names(group) == []


def test_layer_follows_a_crop_and_not_a_moved_layer():
    document = opened()
    _root, _group, inner, _mask = grouped(document)
    anchor = anchored(document)
    inner.move(3, 3)
    assert add(document, anchor).bounds == PLACE
    document.crop(4, 2, 30, 25)
    inner.move(9, 9)
    added = add(document, anchor)
    assert added.notes == (canvas.Note.CANVAS_SHIFTED,)
    assert added.bounds == PLACE.moved(-4, -2)


def test_layer_on_a_canvas_of_another_size():
    document = opened()
    anchor = anchored(document)
    document.resizeImage(0, 0, 25, 60)
    added = add(document, anchor)
    assert added.notes == (canvas.Note.CANVAS_RESIZED,)
    assert added.bounds == PLACE
    steps = krita.undo_steps(document)
    document.crop(0, 40, 25, 20)
    assert add(document, anchor) == OFF_CANVAS
    assert krita.undo_steps(document) == steps


def test_a_closed_document_takes_and_gives_nothing():
    document = opened()
    anchor = anchored(document)
    document.close()
    assert canvas.extent_of(document) is None
    assert add(document, anchor) == canvas.DOCUMENT_CLOSED
    assert canvas.take_snapshot(document, PLACE, None) == canvas.DOCUMENT_CLOSED
    assert canvas.selected_bounds(document) == canvas.DOCUMENT_CLOSED


def test_layer_refuses_pixels_of_another_layout():
    document = opened()
    grey = canvas.Pixels(QtCore.QByteArray(bytes(PLACE.extent.area)), PLACE.extent, "gray", "u8")
    with pytest.raises(ValueError, match="is no layer at"):
        canvas.add_layer(document, grey, PLACE, "", anchored(document))


@given(st.text())
def test_layer_names_are_one_short_visible_line(prompt):
    name = canvas.layer_name(prompt)
    assert 1 <= len(name) <= MOST_NAME_CHARS
    assert name == " ".join(name.split())
    assert all(char == " " or char.isprintable() for char in name)


def test_layer_names():
    assert canvas.layer_name("  a red\n\tapple\x00 ") == "a red apple"
    assert canvas.layer_name("") == canvas.layer_name("<lora:ink:0.5>") == UNNAMED
    assert canvas.layer_name("<lora:ink> a ship<lora:a/b:1> at sea") == "a ship at sea"
    assert canvas.layer_name("a" * 100) == "a" * (MOST_NAME_CHARS - 1) + "…"


def test_looking_does_not_modify_and_naming_does():
    document = opened()
    canvas.take_snapshot(document, PLACE, canvas.selected_bounds(document))
    assert canvas.identity(document) == ""
    assert not document.modified()
    made = canvas.assign_identity(document)
    assert protocol.is_job_id(made)
    assert canvas.assign_identity(document) == canvas.identity(document) == made
    assert document.modified()


def test_a_document_is_found_by_its_name_or_its_layers():
    first, second = opened(), opened()
    add(second)
    ids = frozenset(canvas.layer_id(node) for node in canvas.layers(second))
    documents = krita.Krita.instance().documents()
    assert canvas.find_document(documents, "", ids) == second
    assert canvas.find_document(documents, "", frozenset()) is None
    assert canvas.find_document([first], "", ids) is None
    made = canvas.assign_identity(first)
    assert canvas.find_document(documents, made, ids) == first
    assert canvas.find_document([second], made, ids) == second


def test_the_running_krita_is_the_stand_in():
    document = opened()
    assert canvas.running_krita().activeDocument() == document
