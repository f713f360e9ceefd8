"""Runs inside Krita for `benchmarks.click_to_layer`: presses the docker's own Generate, in turn with the floor.

The floor is what any way would have to call: pixelData, setPixelData and addChildNode on the same bounds. Notes are lines of JSON.
"""

# Krita has no types, and this is for its Python.
# mypy: ignore-errors

from __future__ import annotations

import json
import os
import time

from krita import Krita, Selection
from PyQt5 import QtCore, QtTest, QtWidgets

app = Krita.instance()

ROUNDS = int(os.environ.get("ROUNDS", "9"))
WARM_UPS = 1
SIDES = (512, 1024, 2048)
MARGIN = 512
"""Pixels of canvas around a selection."""

SRGB = "sRGB-elle-V2-srgbtrc.icc"
PATIENCE = 60


class Heartbeat(QtCore.QObject):
    """Beats whenever the main thread is free, and knows its longest pause; `done` is asked at each beat."""

    def __init__(self):
        super().__init__()
        self._timer = QtCore.QTimer(self)
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._beat)
        self.longest, self.ended, self.done = 0.0, None, None
        self._last = 0.0

    def start(self, done=None):
        self.longest, self.ended, self.done, self._last = 0.0, None, done, time.perf_counter()
        self._timer.start()

    def stop(self):
        self._timer.stop()
        return self.longest

    def _beat(self):
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        if self.ended is None and self.done is not None and self.done():
            self.ended = now


heart = Heartbeat()


def rss():
    """MiB that this process has in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def dock():
    return next((d for d in app.dockers() if d.findChild(QtWidgets.QWidget, "scumblePanel") is not None), None)


def part(name):
    return dock().findChild(QtWidgets.QWidget, name)


def refused():
    """Raise what the docker tells instead of painting."""
    assert not part("scumbleNotice").isVisible(), part("scumbleNoticeText").text()


def at_rest(document):
    def holds():
        if not document.tryBarrierLock():
            return False
        document.unlock()
        return True

    yield holds, PATIENCE


def opened(side):
    document = app.createDocument(side, side, "Sky", "RGBA", "U8", SRGB, 72.0)
    app.activeWindow().addView(document)
    document.setBatchmode(True)
    yield lambda: app.activeDocument() == document and document.activeNode() is not None
    data = QtCore.QByteArray(os.urandom(side * 4) * side)
    memoryview(data)[3::4] = b"\xff" * (side * side)
    document.activeNode().setPixelData(data, 0, 0, side, side)
    document.refreshProjection()
    yield from at_rest(document)
    return document


def marked(document, at):
    """Change a few pixels, so that the backend has not got this picture yet."""
    mark = (os.urandom(3) + b"\xff") * 16
    document.activeNode().setPixelData(QtCore.QByteArray(mark), at, at, 4, 4)
    document.refreshProjection()
    yield from at_rest(document)


def layers(document):
    return [node for node in document.rootNode().childNodes() if node.type() == "paintlayer"]


def cleared(document, before):
    """Take the new layer away again, and wait until all is quiet."""
    for node in layers(document)[before:]:
        node.remove()
    yield lambda: len(layers(document)) == before
    yield from at_rest(document)
    yield 0.3


def ours(document):
    """Press Generate; return seconds to the layer, and the longest pause until the document was at rest again."""
    before = len(layers(document))
    button = part("scumbleGenerate")
    yield button.isEnabled, PATIENCE
    root = document.rootNode()
    heart.start(lambda: len(root.childNodes()) > before + (document.selection() is not None))
    begun = time.perf_counter()
    QtTest.QTest.mouseClick(button, QtCore.Qt.MouseButton.LeftButton)
    yield lambda: heart.ended is not None or refused(), PATIENCE
    yield from at_rest(document)
    # what Krita still shows of it
    yield 0.2
    found = heart.ended - begun, heart.stop()
    yield from cleared(document, before)
    return found


def floor(document, read, write):
    """Krita's own calls alone, reading in a turn of its own as it must be; returns as `ours`."""
    before = len(layers(document))
    heart.start()
    yield
    begun = time.perf_counter()
    data = document.pixelData(*read)
    reading = time.perf_counter() - begun
    if read != write:
        data = document.pixelData(*write)
    yield
    begun = time.perf_counter()
    layer = document.createNode("floor", "paintlayer")
    layer.setPixelData(data, *write)
    document.rootNode().addChildNode(layer, layers(document)[-1])
    adding = time.perf_counter() - begun
    yield from at_rest(document)
    yield 0.2
    found = reading + adding, heart.stop()
    yield from cleared(document, before)
    return found


def context(canvas, selection):
    """What the model wants to see around a selection: x, y, width, height."""
    from scumble.bundled import protocol

    padding, minimum = os.environ["CONTEXT"].split()
    bounds = protocol.context_bounds(
        protocol.Extent(canvas, canvas), protocol.Bounds(*selection), protocol.Context(float(padding), int(minimum))
    )
    return bounds.x, bounds.y, bounds.width, bounds.height


def compared(t, what, side, document, read, write):
    rounds = []
    for _ in range(ROUNDS + WARM_UPS):
        yield from marked(document, read[0])
        own = yield from ours(document)
        least = yield from floor(document, read, write)
        rounds.append((*own, *least))
    t.note(json.dumps({"what": what, "side": side, "rounds": rounds[WARM_UPS:]}))


def check_the_start(t):
    t.note(json.dumps({"what": "start", "at": time.time(), "rss": rss(), "docker": dock() is not None}))


if os.environ.get("COMPARE"):

    def check_click_to_layer(t):
        dock().setVisible(True)
        dock().raise_()
        for side in SIDES:
            document = yield from opened(side)
            # at 100 % a whole canvas is made from nothing, and would not travel
            part("scumbleStrengthValue").setValue(99)
            yield from compared(t, "whole canvas", side, document, (0, 0, side, side), (0, 0, side, side))
        for side in SIDES:
            canvas = side + 2 * MARGIN
            document = yield from opened(canvas)
            selection = Selection()
            selection.select(MARGIN, MARGIN, side, side, 255)
            document.setSelection(selection)
            yield lambda document=document: document.selection() is not None
            write = (MARGIN, MARGIN, side, side)
            yield from compared(t, "selection", side, document, context(canvas, write), write)
        t.note(json.dumps({"what": "end", "rss": rss()}))
