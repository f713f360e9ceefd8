"""Where results lie among each other and among the painter's own layers, with the stand-in for Krita. Started by `test_bindings.py`."""

import krita
from room import opened

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.ours import MOST_RESULTS, RESULTS, note_result, results
from krita_plugin.qt import QtCore

Bounds, Extent = protocol.Bounds, protocol.Extent
SIZE = Extent(40, 30)
FIRST, SECOND, THIRD = (200, 100, 50), (10, 220, 30), (90, 90, 250)


def opaque(colour):
    return canvas.Pixels(QtCore.QByteArray(bytes((*colour, 255)) * SIZE.area), SIZE, "bgra", "u8")


def add(document, colour, name, anchor=None):
    """Add an opaque result; the events that it queues have come when this returns."""
    anchor = anchor or take_anchor(document, canvas.extent_of(document))
    contents = colour if isinstance(colour, tuple) and isinstance(colour[0], canvas.Pixels) else opaque(colour)
    added = canvas.add_layer(document, contents, Bounds.of(SIZE), name, anchor)
    assert isinstance(added, canvas.Added), added
    QtCore.QCoreApplication.processEvents()
    return added


def own(document, name, kind="paintlayer", above=None, parent=None):
    """A layer of the painter's; it is not the active one."""
    active, made = document.activeNode(), document.createNode(name, kind)
    (parent or document.rootNode()).addChildNode(made, above)
    QtCore.QCoreApplication.processEvents()
    document.setActiveNode(active)
    return made


def names(node):
    return [child.name() for child in node.childNodes()]


def seen(document):
    pixel = document.projection(5, 5, 1, 1).pixelColor(0, 0)
    return pixel.blue(), pixel.green(), pixel.red()


def test_a_newer_result_lies_over_the_older_one():
    document = opened()
    active = document.activeNode()
    for colour, name in ((FIRST, "first"), (SECOND, "second")):
        add(document, colour, name)
        assert document.activeNode() == active
        assert seen(document) == colour
    assert names(document.rootNode()) == ["Background", "first", "second"]


def test_the_variation_that_was_applied_last_lies_on_top():
    """They were asked for at once, before there was any result."""
    document = opened()
    anchor = take_anchor(document, SIZE)
    for colour, name in ((FIRST, "third"), (SECOND, "first"), (THIRD, "second")):
        add(document, colour, name, anchor)
        assert seen(document) == colour
    assert names(document.rootNode()) == ["Background", "third", "first", "second"]


def test_the_painters_own_layer_is_the_boundary():
    document = opened()
    own(document, "Mine")
    for colour, name in ((FIRST, "first"), (SECOND, "second")):
        add(document, colour, name)
    assert names(document.rootNode()) == ["Background", "first", "second", "Mine"]
    first = document.rootNode().childNodes()[1]
    own(document, "Between", above=first)
    add(document, THIRD, "third")
    assert names(document.rootNode()) == ["Background", "first", "third", "Between", "second", "Mine"]


def test_a_copy_that_the_painter_made_of_a_result_is_his_own():
    document = opened()
    add(document, FIRST, "first")
    root = document.rootNode()
    root.addChildNode(root.childNodes()[1].clone(), None)
    QtCore.QCoreApplication.processEvents()
    document.setActiveNode(root.childNodes()[0])
    add(document, SECOND, "second")
    assert names(root) == ["Background", "first", "second", "first"]


def test_a_result_is_known_whatever_the_painter_does_to_it():
    document = opened()
    add(document, FIRST, "first")
    first = document.rootNode().childNodes()[1]
    first.setVisible(False)
    first.setLocked(True)
    first.move(3, 3)
    add(document, SECOND, "second")
    assert names(document.rootNode()) == ["Background", "first", "second"]


def test_what_was_undone_counts_again_once_it_is_redone():
    document = opened()
    add(document, FIRST, "first")
    assert krita.undo_steps(document) == ["Add Layer"]
    krita.undo(document)
    document.setActiveNode(document.rootNode().childNodes()[0])
    krita.redo(document)
    add(document, SECOND, "second")
    assert names(document.rootNode()) == ["Background", "first", "second"]


def test_groups_of_results_lie_over_each_other_and_keep_what_is_in_them():
    document = opened()
    for colour, name in ((FIRST, "first"), (SECOND, "second")):
        add(document, (opaque(THIRD), opaque(colour)), name)
        assert seen(document) == colour
    add(document, THIRD, "third")
    root = document.rootNode()
    assert names(root) == ["Background", "first", "second", "third"]
    group = root.childNodes()[1]
    assert names(group) == ["Layer 1", "Layer 2"]
    # within it, the layers are the picture's, and not results that hide each other
    document.setActiveNode(group.childNodes()[0])
    for colour, name in ((FIRST, "fourth"), (SECOND, "fifth")):
        add(document, colour, name)
    assert names(group) == ["Layer 1", "fourth", "fifth", "Layer 2"]


def test_over_a_closed_group_newer_results_lie_over_older_ones_too():
    document = opened()
    group = own(document, "Group", "grouplayer")
    inner = own(document, "Inner", parent=group)
    document.setActiveNode(inner)
    group.setLocked(True)
    for colour, name in ((FIRST, "first"), (SECOND, "second")):
        assert add(document, colour, name).notes == (canvas.Note.GROUP_CLOSED,)
    assert names(document.rootNode()) == ["Background", "Group", "first", "second"]


def test_the_mask_of_a_selection_is_no_boundary():
    document = opened()
    root = document.rootNode()
    add(document, FIRST, "first")
    mask = document.createSelectionMask("Mask")
    root.addChildNode(mask, root.childNodes()[0])
    QtCore.QCoreApplication.processEvents()
    document.setActiveNode(root.childNodes()[0])
    add(document, SECOND, "second")
    assert names(root) == ["Background", "Mask", "first", "second"]


def test_results_are_listed_in_the_document_and_the_oldest_forgotten():
    document = opened()
    assert results(document) == frozenset()
    added = add(document, FIRST, "first")
    assert results(document) == {added.layer}
    for number in range(MOST_RESULTS):
        note_result(document, f"{{{number}}}")
    assert len(results(document)) == MOST_RESULTS
    assert added.layer not in results(document)
    document.setAnnotation(RESULTS, "not Scumble's", QtCore.QByteArray(b"\xff\x00\n\n"))
    assert add(document, SECOND, "second").layer in results(document)
