"""Runs inside Krita: what `krita_plugin.canvas` makes of real documents. Each `check_` is a test of test_canvas.py."""

from __future__ import annotations

import array
import os
import random

from krita import Krita, Selection

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import find_place, take_anchor
from krita_plugin.canvas.document import layer_by_id
from krita_plugin.canvas.layer import NOT_AT_REST, OFF_CANVAS
from krita_plugin.canvas.selection import EMPTY_SELECTION, SELECTION_OFF_CANVAS
from krita_plugin.qt import QtCore, QtGui, QtWidgets

app = Krita.instance()
Bounds, Extent = protocol.Bounds, protocol.Extent

WIDTH, HEIGHT = 96, 64
WHOLE = Bounds(0, 0, WIDTH, HEIGHT)
PLACE = Bounds(40, 20, 30, 24)
CHANNEL_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}
CHANNELS = {"RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4}
SRGB = "sRGB-elle-V2-srgbtrc.icc"


def opened(model="RGBA", depth="U8", profile="", width=WIDTH, height=HEIGHT):
    """Open a new document in a view of its own; yields until it has an active layer.

    Earlier ones stay open: Krita 5.1 crashes now and then when a script closes a document soon after changing it.
    """
    document = app.createDocument(width, height, "test", model, depth, profile, 300.0)
    app.activeWindow().addView(document)
    document.setBatchmode(True)
    yield lambda: app.activeDocument() == document and document.activeNode() is not None
    yield lambda: canvas.is_at_rest(document)
    return document


def noise(model, depth, pixels, seed=1):
    """Random pixels in Krita's own layout, floats between 0 and 1, none of them quite clear: those have no certain colour."""
    rng = random.Random(seed)
    channels = CHANNELS[model]
    # from 0 to 1.0 half floats count up like integers
    most = {"U8": 0xFF, "U16": 0xFFFF, "F16": 0x3C00}.get(depth)
    values = [
        max(value, 1 / 64 if most is None else 1) if at % channels == channels - 1 else value
        for at in range(pixels * channels)
        for value in [rng.random() if most is None else rng.randint(0, most)]
    ]
    return array.array({"U8": "B", "F32": "f"}.get(depth, "H"), values).tobytes()


def whole(document):
    return document.pixelData(0, 0, document.width(), document.height()).data()


def cut(data, line, pixel, bounds):
    """Bytes of `bounds` out of rows of `line` pixels of `pixel` bytes."""
    rows = range(bounds.y, bounds.bottom)
    return b"".join(data[(y * line + bounds.x) * pixel : (y * line + bounds.right) * pixel] for y in rows)


def paint(document, data, node=None):
    node = node or document.activeNode()
    node.setPixelData(QtCore.QByteArray(data), 0, 0, document.width(), document.height())
    document.refreshProjection()
    document.waitForDone()


def picture(depth, colour, extent=PLACE.extent):
    """A layer of one colour (blue, green, red of 0 to 255): the left third clear, the next half so, the rest opaque."""
    wide, scale = extent.width // 3, 257 if depth == "u16" else 1
    columns = [0] * wide + [128] * wide + [255] * (extent.width - 2 * wide)
    row = [int(value) * scale for alpha in columns for value in (*colour, alpha)]
    data = array.array("H" if depth == "u16" else "B", row * extent.height).tobytes()
    return canvas.Pixels(QtCore.QByteArray(data), extent, "bgra", depth)


def added_to(document, prompt="a red apple", at=PLACE, anchor=None):
    depth = canvas.result_depth(document)
    anchor = anchor or take_anchor(document, canvas.extent_of(document))
    return canvas.add_layer(document, picture(depth, (50, 100, 200), at.extent), at, prompt, anchor)


def names(node):
    return [child.name() for child in node.childNodes()]


def trigger(name):
    app.action(name).trigger()


def alike(data, other, depth):
    """Whether these are the same pixels. Krita adds floats up in another order when it redraws other rectangles."""
    if depth != "F32":
        return data == other
    return all(abs(a - b) < 1e-5 for a, b in zip(array.array("f", data), array.array("f", other), strict=True))


def stepped(document, action):
    """Undo or redo; Krita drops the wish while something is being done to the document."""
    yield lambda: canvas.is_at_rest(document)
    trigger(action)


def layer_round_trip(model, depth, colour, profile="", slack=1):
    document = yield from opened(model, depth, profile)
    paint(document, noise(model, depth, WIDTH * HEIGHT))
    background = document.activeNode()
    # an undo step of the painter's own beforehand: one undo may take back the result and must leave this
    document.rootNode().addChildNode(document.createNode("Earlier", "paintlayer"), None)
    yield lambda: canvas.is_at_rest(document)
    yield 0.1
    document.setActiveNode(background)
    yield lambda: document.activeNode() == background
    own, before = background.pixelData(0, 0, WIDTH, HEIGHT).data(), whole(document)
    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    result = picture(canvas.result_depth(document), colour)
    open_before = app.documents()
    added = canvas.add_layer(document, result, PLACE, "a red apple\nin the  sun", anchor)
    assert isinstance(added, canvas.Added), added
    assert added.bounds == PLACE
    assert added.notes == ()
    yield lambda: canvas.is_at_rest(document)
    yield 0.1
    assert document.activeNode() == background, document.activeNode().name()
    assert names(document.rootNode()) == ["Background", "a red apple in the sun", "Earlier"]
    new = layer_by_id(document, added.layer)
    assert (new.colorModel(), new.colorDepth(), new.colorProfile()) == (model, depth, document.colorProfile())
    assert app.documents() == open_before
    assert app.activeDocument() == document
    box = new.bounds()
    third = PLACE.width // 3
    assert (box.x(), box.y(), box.width(), box.height()) == (
        PLACE.x + third,
        PLACE.y,
        PLACE.width - third,
        PLACE.height,
    )
    pixel = CHANNELS[model] * CHANNEL_BYTES[depth]
    after = whole(document)
    clear = Bounds(PLACE.x, PLACE.y, third, PLACE.height)
    for bounds in (
        Bounds(0, 0, WIDTH, PLACE.y),
        Bounds(0, PLACE.bottom, WIDTH, HEIGHT - PLACE.bottom),
        Bounds(0, 0, PLACE.x, HEIGHT),
        Bounds(PLACE.right, 0, WIDTH - PLACE.right, HEIGHT),
        clear,
    ):
        assert cut(after, WIDTH, pixel, bounds) == cut(before, WIDTH, pixel, bounds), f"bits changed at {bounds}"
    assert after != before
    assert background.pixelData(0, 0, WIDTH, HEIGHT).data() == own
    seen = document.projection(PLACE.right - 5, PLACE.y + 5, 1, 1).pixelColor(0, 0)
    got = (seen.blue(), seen.green(), seen.red())
    assert seen.alpha() == 255
    assert all(abs(a - b) <= slack for a, b in zip(got, colour, strict=True)), f"{got} instead of {colour}"
    yield from stepped(document, "edit_undo")
    yield lambda: layer_by_id(document, added.layer) is None and whole(document) == before
    assert names(document.rootNode()) == ["Background", "Earlier"]
    yield from stepped(document, "edit_redo")
    yield lambda: layer_by_id(document, added.layer) is not None and canvas.is_at_rest(document)
    yield lambda: alike(whole(document), after, depth)
    assert names(document.rootNode()) == ["Background", "a red apple in the sun", "Earlier"]
    yield from stepped(document, "edit_undo")
    yield lambda: canvas.is_at_rest(document) and names(document.rootNode()) == ["Background", "Earlier"]
    yield 0.1
    yield from stepped(document, "edit_undo")
    yield lambda: canvas.is_at_rest(document) and names(document.rootNode()) == ["Background"]


def check_layer_in_rgba_u8(t):
    yield from layer_round_trip("RGBA", "U8", (50, 100, 200), slack=0)


def check_layer_in_another_rgb_u8(t):
    yield from layer_round_trip("RGBA", "U8", (90, 100, 120), "ClayRGB-elle-V2-g22.icc")


def check_layer_in_srgb_u16(t):
    yield from layer_round_trip("RGBA", "U16", (50, 100, 200), SRGB, slack=0)


def check_layer_in_linear_u16(t):
    yield from layer_round_trip("RGBA", "U16", (50, 100, 200))


def check_layer_in_f16(t):
    yield from layer_round_trip("RGBA", "F16", (50, 100, 200))


def check_layer_in_f32(t):
    yield from layer_round_trip("RGBA", "F32", (50, 100, 200))


def check_layer_in_graya_u8(t):
    yield from layer_round_trip("GRAYA", "U8", (128, 128, 128))


def check_layer_in_cmyka_u8(t):
    yield from layer_round_trip("CMYKA", "U8", (130, 140, 150), slack=10)


def check_layer_in_laba_u16(t):
    yield from layer_round_trip("LABA", "U16", (50, 100, 200), slack=2)


def snapshot_is_what_was_painted(depth, profile):
    document = yield from opened("RGBA", depth, profile)
    painted = noise("RGBA", depth, WIDTH * HEIGHT, seed=7)
    paint(document, painted)
    bounds = Bounds(13, 9, 61, 40)
    shot = canvas.take_snapshot(document, bounds, None)
    assert shot.image.depth == shot.depth == depth.lower()
    pixel = 4 * CHANNEL_BYTES[depth]
    wanted = cut(painted, WIDTH, pixel, bounds)
    assert bytes(shot.image.view()) == wanted
    assert shot.mask is None
    assert shot.selection is None
    assert shot.image.raster().extent == bounds.extent


def check_snapshot_u8(t):
    yield from snapshot_is_what_was_painted("U8", "")


def check_snapshot_u16(t):
    yield from snapshot_is_what_was_painted("U16", SRGB)


def check_snapshot_converts_other_spaces(t):
    half = {"U8": b"\x80", "U16": b"\x00\x80", "F32": array.array("f", [0.5]).tobytes(), "F16": b"\x00\x38"}
    full = {"U8": b"\xff", "U16": b"\xff\xff", "F32": array.array("f", [1.0]).tobytes(), "F16": b"\x00\x3c"}
    # linear light of a half is 188 in sRGB (IEC 61966-2-1), a grey with sRGB's curve stays what it is
    for model, depth, wanted in (
        ("RGBA", "U16", 188),
        ("RGBA", "F16", 188),
        ("RGBA", "F32", 188),
        ("GRAYA", "U8", 128),
        ("GRAYA", "U16", 188),
    ):
        document = yield from opened(model, depth, width=8, height=8)
        paint(document, (half[depth] * (CHANNELS[model] - 1) + full[depth]) * 64)
        shot = canvas.take_snapshot(document, Bounds(1, 2, 5, 3), None)
        assert (shot.image.order, shot.image.depth) == ("bgra", "u8")
        assert shot.depth == ("u8" if depth == "U8" else "u16")
        seen = bytes(shot.image.view())
        assert len(seen) == 5 * 3 * 4
        for at in range(0, len(seen), 4):
            assert all(abs(value - wanted) <= 1 for value in seen[at : at + 3]), (model, depth, seen[at : at + 4])
            assert seen[at + 3] == 255
    document = yield from opened("CMYKA", "U8", width=8, height=8)
    paint(document, b"\0\0\0\0\xff" * 64)
    paper = bytes(canvas.take_snapshot(document, Bounds(0, 0, 8, 8), None).image.view())
    t.note("CMYK paper", paper[:4])
    assert min(paper) >= 200


def selected(document, *rectangles):
    selection = Selection()
    for x, y, width, height, value in rectangles:
        more = Selection()
        more.select(x, y, width, height, value)
        selection.add(more)
    document.setSelection(selection)
    document.waitForDone()


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


def check_selection_stays_and_the_layer_lies_over_it(t):
    document = yield from opened()
    selected(document, (10, 12, 20, 8, 128))
    yield lambda: canvas.is_at_rest(document)
    before = bytes(canvas.read_mask(document, WHOLE).view())
    added = added_to(document)
    yield lambda: canvas.is_at_rest(document)
    assert bytes(canvas.read_mask(document, WHOLE).view()) == before
    assert canvas.selected_bounds(document) == Bounds(10, 12, 20, 8)
    tree = [(node.name(), node.type()) for node in document.rootNode().childNodes()]
    assert [name for name, kind in tree if kind == "paintlayer"][1:] == ["a red apple"], tree
    assert layer_by_id(document, added.layer).parentNode() == document.rootNode()


def check_layer_with_the_selection_mask_active(t):
    document = yield from opened()
    selected(document, (10, 12, 20, 8, 128))
    trigger("show-global-selection-mask")
    yield 0.2
    mask = next(node for node in document.rootNode().childNodes() if node.type() == "selectionmask")
    document.setActiveNode(mask)
    yield lambda: document.activeNode().type() == "selectionmask"
    added = added_to(document)
    yield lambda: canvas.is_at_rest(document)
    assert isinstance(added, canvas.Added)
    assert [node.name() for node in canvas.layers(document)][1:] == ["a red apple"]
    trigger("show-global-selection-mask")


def tree_with_group(document):
    """Background, then a group of two layers, then a top layer."""
    root = document.rootNode()
    group = document.createGroupLayer("Group")
    inner, top = document.createNode("Inner", "paintlayer"), document.createNode("Top", "paintlayer")
    root.addChildNode(group, None)
    group.addChildNode(inner, None)
    root.addChildNode(top, None)
    yield lambda: canvas.is_at_rest(document)
    # Krita's layer list follows by events; before that a node cannot be made the active one
    yield 0.1
    return root, group, inner, top


def check_layer_lands_above_the_active_one(t):
    document = yield from opened()
    root, group, inner, top = yield from tree_with_group(document)
    for active, parent, wanted in (
        (inner, group, ["Inner", "a red apple"]),
        (group, root, ["Background", "Group", "a red apple", "Top"]),
        (top, root, ["Background", "Group", "a red apple", "Top", "a red apple"]),
    ):
        document.setActiveNode(active)
        yield lambda active=active: document.activeNode() == active and canvas.is_at_rest(document)
        assert added_to(document).notes == ()
        yield lambda: canvas.is_at_rest(document)
        yield 0.1
        assert names(parent) == wanted, names(parent)
        assert document.activeNode() == active


def check_layer_above_a_vector_layer(t):
    document = yield from opened()
    vector = document.createVectorLayer("Vector")
    document.rootNode().addChildNode(vector, None)
    yield lambda: canvas.is_at_rest(document)
    document.setActiveNode(vector)
    yield lambda: document.activeNode() == vector
    assert isinstance(added_to(document), canvas.Added)
    yield lambda: canvas.is_at_rest(document)
    assert names(document.rootNode()) == ["Background", "Vector", "a red apple"]


def check_layer_above_the_layer_of_a_mask(t):
    document = yield from opened()
    selected(document, (10, 12, 20, 8, 255))
    yield lambda: canvas.is_at_rest(document)
    trigger("add_new_transparency_mask")
    yield lambda: any(child.type() == "transparencymask" for child in document.rootNode().childNodes()[0].childNodes())
    mask = document.rootNode().childNodes()[0].childNodes()[0]
    document.setActiveNode(mask)
    yield lambda: document.activeNode() == mask and canvas.is_at_rest(document)
    added = added_to(document)
    assert layer_by_id(document, added.layer).parentNode() == document.rootNode()
    assert names(document.rootNode())[:2] == ["Background", "a red apple"]


def check_layer_leaves_closed_groups_alone(t):
    document = yield from opened()
    root, group, inner, _top = yield from tree_with_group(document)
    document.setActiveNode(inner)
    yield lambda: document.activeNode() == inner and canvas.is_at_rest(document)
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
    document.setActiveNode(inner)
    yield lambda: document.activeNode() == inner and canvas.is_at_rest(document)
    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    document.setActiveNode(top)
    yield lambda: document.activeNode() == top
    assert added_to(document, anchor=anchor).notes == ()
    yield lambda: canvas.is_at_rest(document)
    assert names(group) == ["Inner", "a red apple"]
    assert document.activeNode() == top
    inner.remove()
    yield lambda: canvas.is_at_rest(document) and names(group) == ["a red apple"]
    yield 0.1
    document.setActiveNode(top)
    yield lambda: document.activeNode() == top
    assert added_to(document, anchor=anchor).notes == (canvas.Note.LAYER_GONE,)
    yield lambda: canvas.is_at_rest(document)
    assert names(root)[-2:] == ["Top", "a red apple"]


def check_layer_after_crop_and_resize(t):
    document = yield from opened()
    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    document.crop(10, 5, 70, 50)
    document.waitForDone()
    added = added_to(document, anchor=anchor)
    assert added.notes == (canvas.Note.CANVAS_SHIFTED,)
    assert added.bounds == PLACE.moved(-10, -5)
    yield lambda: canvas.is_at_rest(document)
    document.resizeImage(0, 0, 200, 100)
    document.waitForDone()
    added = added_to(document, anchor=take_anchor(document, Extent(70, 50)))
    assert added.notes == (canvas.Note.CANVAS_RESIZED,)
    assert added.bounds == PLACE
    yield lambda: canvas.is_at_rest(document)
    anchor = take_anchor(document, canvas.extent_of(document))
    before = names(document.rootNode())
    document.crop(100, 70, 20, 20)
    document.waitForDone()
    assert added_to(document, anchor=anchor) == OFF_CANVAS
    assert names(document.rootNode()) == before


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
    yield 0.3
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

    middle = widget.rect().center()
    mouse(kinds.MouseMove, Qt.MouseButton.NoButton, middle)
    mouse(kinds.MouseButtonPress, Qt.MouseButton.LeftButton, middle)
    for step in range(5):
        mouse(kinds.MouseMove, Qt.MouseButton.NoButton, middle + QtCore.QPoint(6 * step, 4 * step))
        yield 0.02
    yield 0.3
    assert not canvas.is_at_rest(document)
    assert added_to(document) == NOT_AT_REST
    assert names(document.rootNode()) == ["Background"]
    mouse(kinds.MouseButtonRelease, Qt.MouseButton.LeftButton, middle + QtCore.QPoint(24, 16))
    yield lambda: canvas.is_at_rest(document)
    assert whole(document) != before
    assert isinstance(added_to(document), canvas.Added)


def check_looking_leaves_the_document_unmodified(t):
    document = yield from opened()
    document.setModified(False)
    selected_before = canvas.selected_bounds(document)
    canvas.take_snapshot(document, WHOLE, selected_before)
    canvas.is_at_rest(document)
    assert canvas.identity(document) == ""
    yield 0.1
    assert not document.modified()
    made = canvas.assign_identity(document)
    assert canvas.identity(document) == made == canvas.assign_identity(document)
    assert document.modified()


def check_document_found_after_saving_and_opening(t):
    folder = os.environ["HOME"]
    document = yield from opened()
    added_to(document)
    yield lambda: canvas.is_at_rest(document)
    ids = frozenset(canvas.layer_id(node) for node in canvas.layers(document))
    anchor = take_anchor(document, canvas.extent_of(document))
    for name in ("plain", "named"):
        made = canvas.assign_identity(document) if name == "named" else ""
        path = f"{folder}/{name}.kra"
        assert document.saveAs(path)
        yield lambda path=path, document=document: os.path.exists(path) and not document.modified()
        yield 1.0
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
    added = added_to(document, anchor=anchor)
    assert added.notes == ()
