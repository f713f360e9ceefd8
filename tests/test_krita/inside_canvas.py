"""Runs inside Krita: selections, strokes, and documents that are looked at, saved and opened again. For test_canvas.py."""

from __future__ import annotations

import itertools
import os

from documents import (
    HEIGHT,
    WHOLE,
    WIDTH,
    Bounds,
    activate,
    add,
    added_to,
    app,
    at_rest,
    names,
    opened,
    selected,
    stepped,
    trigger,
    turns,
    whole,
)
from krita import Selection

from krita_plugin import canvas
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.layer import NOT_AT_REST
from krita_plugin.canvas.selection import EMPTY_SELECTION, SELECTION_OFF_CANVAS
from krita_plugin.qt import QtCore, QtGui, QtWidgets


def check_selection(t):
    document = yield from opened()
    assert canvas.selected_bounds(document) is None
    selected(document, (10, 12, 20, 8, 128))
    assert canvas.selected_bounds(document) == Bounds(10, 12, 20, 8)
    shot = canvas.take_snapshot(document, Bounds(8, 10, 24, 12), Bounds(10, 12, 20, 8))
    inside = b"\0\0" + b"\x80" * 20 + b"\0\0"
    assert bytes(shot.mask.view()) == b"\0" * 48 + inside * 8 + b"\0" * 48
    assert shot.selection == Bounds(10, 12, 20, 8)
    # the mask node that Krita shows in the tree is no layer
    assert "selectionmask" in [node.type() for node in document.rootNode().childNodes()]
    assert [node.type() for node in canvas.layers(document)] == ["paintlayer"]
    selected(document, (80, -10, 50, 30, 255))
    assert canvas.selected_bounds(document) == Bounds(80, 0, 16, 20)
    selected(document, (-40, -40, 30, 30, 255))
    assert canvas.selected_bounds(document) == SELECTION_OFF_CANVAS
    # an L around the canvas' left upper corner
    selected(document, (-20, -20, 10, 60, 255), (-20, -20, 60, 10, 255))
    assert canvas.selected_bounds(document) == SELECTION_OFF_CANVAS
    document.setSelection(Selection())
    assert canvas.selected_bounds(document) == EMPTY_SELECTION


def check_selection_inverted_reaches_the_canvas_only(t):
    document = yield from opened()
    selection = Selection()
    selection.select(10, 10, 20, 20, 255)
    selection.invert()
    document.setSelection(selection)
    assert canvas.selected_bounds(document) == WHOLE
    mask = bytes(canvas.read_mask(document, WHOLE).view())
    assert mask.count(b"\0") == 400
    assert mask.count(b"\xff") == WIDTH * HEIGHT - 400


def check_a_layers_own_selection_comes_before_the_documents(t):
    document = yield from opened()
    layer, local, general = document.activeNode(), Bounds(4, 6, 40, 30), Bounds(60, 40, 30, 20)
    trigger("add_new_selection_mask")
    yield lambda: [child.type() for child in layer.childNodes()] == ["selectionmask"]
    yield from at_rest(document)
    (mask,) = layer.childNodes()
    own = Selection()
    own.select(local.x, local.y, local.width, local.height, 128)
    mask.setSelection(own)
    selected(document, (general.x, general.y, general.width, general.height, 255))
    yield from turns()
    yield from at_rest(document)
    document.setModified(False)
    others = len(app.documents())
    assert canvas.selected_bounds(document) == local
    shot = canvas.take_snapshot(document, WHOLE, local)
    outside, inside = b"\0" * WIDTH, b"\0" * 4 + b"\x80" * 40 + b"\0" * 52
    assert bytes(shot.mask.view()) == outside * 6 + inside * 30 + outside * 28
    assert shot.selection == local
    small = canvas.take_snapshot(document, WHOLE, local, WHOLE.extent.area // 4)
    assert {at % 48 // 24 for at, value in enumerate(bytes(small.mask.view())) if value} == {0}, (
        "the document's is right"
    )
    yield lambda: len(app.documents()) == others
    yield from turns()
    assert app.activeDocument() == document
    assert not document.modified()
    mask.setVisible(False)
    assert canvas.selected_bounds(document) == general
    mask.setVisible(True)
    assert canvas.selected_bounds(document) == local
    # deselecting switches off the layer's own, which is shown nonetheless
    yield from at_rest(document)
    trigger("deselect")
    yield lambda: canvas.is_at_rest(document) and canvas.selected_bounds(document) == general
    assert mask.visible()
    yield from stepped(document, "edit_undo")
    yield lambda: canvas.is_at_rest(document) and canvas.selected_bounds(document) == local
    other = document.createNode("Other", "paintlayer")
    document.rootNode().addChildNode(other, None)
    yield from activate(document, other)
    assert canvas.selected_bounds(document) == general


MOVES = 100
"""Of the mouse in a stroke; a canvas that was just shown may miss one that comes too soon, so there is another."""


def check_nothing_is_added_in_mid_stroke(t):
    app.activeWindow().qwindow().setGeometry(0, 0, 1600, 1000)
    document = yield from opened(width=600, height=400)
    trigger("KritaShape/KisToolBrush")
    area = app.activeWindow().qwindow().findChild(QtWidgets.QMdiArea)

    def canvases():
        kinds = ("KisOpenGLCanvas2", "KisQPainterCanvas")
        return [
            w
            for w in area.activeSubWindow().findChildren(QtWidgets.QWidget)
            if w.metaObject().className() in kinds and w.isVisible()
        ]

    yield lambda: canvases()
    yield from at_rest(document)
    (widget,) = canvases()
    before, Qt, kinds = whole(document), QtCore.Qt, QtCore.QEvent.Type

    def mouse(kind, button, point):
        event = QtGui.QMouseEvent(
            kind,
            QtCore.QPointF(point),
            QtCore.QPointF(widget.mapToGlobal(point)),
            button,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        QtWidgets.QApplication.sendEvent(widget, event)

    middle, moves = widget.rect().center(), itertools.count()

    def draw():
        move = next(moves)
        if move % MOVES == 0:
            mouse(kinds.MouseButtonRelease, Qt.MouseButton.LeftButton, middle)
            mouse(kinds.MouseMove, Qt.MouseButton.NoButton, middle)
            mouse(kinds.MouseButtonPress, Qt.MouseButton.LeftButton, middle)
        mouse(kinds.MouseMove, Qt.MouseButton.NoButton, middle + QtCore.QPoint(2 * (move % MOVES), move % MOVES))
        return not canvas.is_at_rest(document)

    yield draw
    # as long as the button is down, whatever Krita does meanwhile
    yield from turns()
    assert not canvas.is_at_rest(document)
    assert added_to(document) == NOT_AT_REST
    assert names(document.rootNode()) == ["Background"]
    mouse(kinds.MouseButtonRelease, Qt.MouseButton.LeftButton, middle + QtCore.QPoint(24, 16))
    yield from at_rest(document)
    assert whole(document) != before
    added = yield from add(document)
    assert isinstance(added, canvas.Added)


def check_looking_leaves_the_document_unmodified(t):
    document = yield from opened()
    document.setModified(False)
    selected_before = canvas.selected_bounds(document)
    canvas.take_snapshot(document, WHOLE, selected_before)
    canvas.is_at_rest(document)
    assert canvas.identity(document) == ""
    yield from turns()
    assert not document.modified()
    made = canvas.assign_identity(document)
    assert canvas.identity(document) == made == canvas.assign_identity(document)
    assert document.modified()


def check_document_found_after_saving_and_opening(t):
    folder = os.environ["HOME"]
    document = yield from opened()
    added = yield from add(document)
    assert isinstance(added, canvas.Added)
    ids = frozenset(canvas.layer_id(node) for node in canvas.layers(document))
    anchor = take_anchor(document, canvas.extent_of(document))
    for name in ("plain", "named"):
        made = canvas.assign_identity(document) if name == "named" else ""
        path = f"{folder}/{name}.kra"
        assert document.saveAs(path)
        yield lambda path=path, document=document: os.path.exists(path) and not document.modified()
        yield from at_rest(document)
        document.close()
        yield lambda document=document: document not in app.documents()
        assert added_to(document, anchor=anchor) == canvas.DOCUMENT_CLOSED
        assert canvas.take_snapshot(document, WHOLE, None) == canvas.DOCUMENT_CLOSED
        assert canvas.selected_bounds(document) == canvas.DOCUMENT_CLOSED
        other = app.createDocument(WIDTH, HEIGHT, "other", "RGBA", "U8", "", 300.0)
        assert canvas.find_document(app.documents(), made, ids) is None
        again = app.openDocument(path)
        app.activeWindow().addView(again)
        again.setBatchmode(True)
        yield lambda again=again: canvas.is_at_rest(again)
        assert canvas.find_document([other, again], made, ids) == again
        assert canvas.find_document([other, again], made, frozenset() if made else ids) == again
        assert canvas.identity(again) == made
        other.close()
        document = again
    added = yield from add(document, anchor=anchor, prompt="a newer one")
    assert added.notes == ()
    # which layers are results is known from the file
    assert names(document.rootNode()) == ["Background", "a red apple", "a newer one"]
