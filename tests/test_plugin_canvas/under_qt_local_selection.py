"""Selections that belong to a layer, with the stand-in for Krita. Started by `test_bindings.py`."""

import krita
import pytest
from room import opened

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.selection import EMPTY_SELECTION
from krita_plugin.qt import QtCore

Bounds = protocol.Bounds
WHOLE = Bounds(0, 0, 40, 30)
LOCAL, GLOBAL = Bounds(2, 4, 16, 20), Bounds(22, 9, 16, 20)


def selection(bounds, value=255):
    made = krita.Selection()
    made.select(bounds.x, bounds.y, bounds.width, bounds.height, value)
    return made


def with_mask(document, layer, bounds=LOCAL, value=255, on=True):
    """Give a layer a selection of its own, as Krita's Layer menu does; it becomes the active node there."""
    mask = document.createSelectionMask("Selection 1")
    mask.setSelection(selection(bounds, value))
    layer.addChildNode(mask, None)
    krita.switch(mask, on)
    QtCore.QCoreApplication.processEvents()
    document.setActiveNode(layer)
    return mask


def masked(value, bounds):
    """The mask of the whole canvas where that value is selected in `bounds`."""
    rows = []
    for y in range(WHOLE.height):
        inside = bounds.y <= y < bounds.bottom
        row = bytes(bounds.x) + bytes([value]) * bounds.width + bytes(WHOLE.width - bounds.right)
        rows.append(row if inside else bytes(WHOLE.width))
    return b"".join(rows)


@pytest.mark.parametrize("besides", [None, GLOBAL])
@pytest.mark.parametrize("most", [protocol.MAX_PIXELS, WHOLE.extent.area // 4])
def test_the_active_layers_own_selection_comes_before_the_documents(besides, most):
    document = opened()
    layer = document.activeNode()
    mask = with_mask(document, layer, value=77)
    if besides is not None:
        document.setSelection(selection(besides))
    for active in (layer, mask):
        document.setActiveNode(active)
        assert canvas.selected_bounds(document) == LOCAL
        assert bytes(canvas.read_mask(document, WHOLE).view()) == masked(77, LOCAL)
        shot = canvas.take_snapshot(document, WHOLE, LOCAL, most)
        assert shot.selection == LOCAL
        assert (shot.mask.extent == WHOLE.extent) == (most == protocol.MAX_PIXELS)
        columns = shot.mask.extent.width
        selected = {at % columns for at, value in enumerate(bytes(shot.mask.view())) if value}
        assert min(selected) < columns // 2 > max(selected), "the document's lies in the right half"
    assert krita.Krita.instance().documents() == [document], "nothing is left of the unseen document"


@pytest.mark.parametrize("how", ["hidden", "switched off", "another layer's", "its group's"])
def test_a_selection_that_limits_no_stroke_here_is_not_used(how):
    document = opened()
    layer, root = document.activeNode(), document.rootNode()
    if how == "another layer's":
        root.addChildNode(document.createNode("Other", "paintlayer"), None)
        with_mask(document, root.childNodes()[1])
    elif how == "its group's":
        root.addChildNode(document.createNode("Group", "grouplayer"), None)
        group = root.childNodes()[1]
        with_mask(document, group)
        layer = document.createNode("Inner", "paintlayer")
        group.addChildNode(layer, None)
    else:
        with_mask(document, layer, on=how != "switched off").setVisible(how != "hidden")
    QtCore.QCoreApplication.processEvents()
    document.setActiveNode(layer)
    assert canvas.selected_bounds(document) is None
    assert canvas.read_mask(document, WHOLE) is None
    document.setSelection(selection(GLOBAL))
    assert canvas.selected_bounds(document) == GLOBAL
    assert bytes(canvas.read_mask(document, WHOLE).view()) == masked(255, GLOBAL)


def test_of_several_the_one_that_is_switched_on_counts():
    document = opened()
    layer = document.activeNode()
    with_mask(document, layer, Bounds(1, 1, 3, 3), on=False)
    with_mask(document, layer)
    with_mask(document, layer, Bounds(2, 2, 3, 3), on=False)
    assert canvas.selected_bounds(document) == LOCAL


def test_one_in_which_nothing_is_selected_is_told():
    document = opened()
    mask = with_mask(document, document.activeNode())
    mask.setSelection(krita.Selection())
    document.setSelection(selection(GLOBAL))
    assert canvas.selected_bounds(document) == EMPTY_SELECTION


def test_looking_at_it_changes_nothing():
    document = opened()
    with_mask(document, document.activeNode())
    document.setModified(False)
    steps, tree = krita.undo_steps(document), list(canvas.layers(document))
    canvas.take_snapshot(document, WHOLE, canvas.selected_bounds(document))
    assert (krita.undo_steps(document), list(canvas.layers(document))) == (steps, tree)
    assert not document.modified()
    assert krita.Krita.instance().activeDocument() == document
