"""Documents for the checks inside Krita: open, paint, select, look at them. What takes time is a generator to `yield from`."""

from __future__ import annotations

import array
import random

from krita import Krita, Selection

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.layer import NOT_AT_REST
from krita_plugin.qt import QtCore

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


def selected(document, *rectangles):
    selection = Selection()
    for x, y, width, height, value in rectangles:
        more = Selection()
        more.select(x, y, width, height, value)
        selection.add(more)
    document.setSelection(selection)
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


def at_rest(document):
    """Wait until nothing is being done to the document."""
    yield lambda: canvas.is_at_rest(document)


def turns(count=20):
    """Let Qt's event loop turn so many times: what Krita has put off until its next turns is done then."""
    for _ in range(count):
        yield


def activate(document, node):
    """Make a node the active one. A new one cannot be that before Krita's layer list has heard of it, by an event."""

    def is_active():
        if document.activeNode() != node:
            document.setActiveNode(node)
            return False
        return canvas.is_at_rest(document)

    yield is_active


def placed(add_now):
    """Call what adds a layer until the document is at rest, as the studio does; return what became of it at once.

    In Krita 6 a document that is at rest at one moment need not be so at the next, though no event lies between.
    """
    became = []

    def is_placed():
        became[:] = [add_now()]
        return became != [NOT_AT_REST]

    yield is_placed
    return became[0]


def add(document, **how):
    """Add a layer when the document is at rest; return what became of it when it is so again."""
    added = yield from placed(lambda: added_to(document, **how))
    yield from at_rest(document)
    return added


def names(node):
    return [child.name() for child in node.childNodes()]


def tree_with_group(document):
    """Background, then a group of two layers, then a top layer."""
    root = document.rootNode()
    group = document.createGroupLayer("Group")
    inner, top = document.createNode("Inner", "paintlayer"), document.createNode("Top", "paintlayer")
    root.addChildNode(group, None)
    group.addChildNode(inner, None)
    root.addChildNode(top, None)
    yield from at_rest(document)
    return root, group, inner, top


def trigger(name):
    app.action(name).trigger()


def stepped(document, action):
    """Undo or redo; Krita drops the wish while something is being done to the document."""
    yield lambda: canvas.is_at_rest(document)
    trigger(action)
