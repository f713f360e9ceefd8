"""Runs inside Krita: a canvas too large to be painted at once is read smaller, and the result enlarged. For test_scaled.py."""

from __future__ import annotations

import resource
import time

from krita import Krita, Selection

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.qt import QtCore

app = Krita.instance()
Bounds, Extent = protocol.Bounds, protocol.Extent
SRGB = "sRGB-elle-V2-srgbtrc.icc"

SMALL = Extent(640, 480)
LARGE_SIDE = 12_000
"""More pixels than the contract carries, and half a GiB in Krita."""

OWN_SECONDS = 0.05
"""For which Krita's main thread may be held by what is the plugin's own; here Krita's reading and writing is in it, too."""

BUSY = 2
"""A machine that is busy otherwise takes so many times as long."""


def opened(extent, depth="U8"):
    document = app.createDocument(extent.width, extent.height, "test", "RGBA", depth, SRGB, 300.0)
    app.activeWindow().addView(document)
    document.setBatchmode(True)
    yield lambda: app.activeDocument() == document and document.activeNode() is not None
    yield lambda: canvas.is_at_rest(document)
    return document


def slope(extent, bytes_per_channel=1):
    """Blue rises to the right, green downwards, red is even; opaque."""
    rows = []
    for y in range(extent.height):
        green = y * 250 // (extent.height - 1)
        values = bytes(v for x in range(extent.width) for v in (x * 250 // (extent.width - 1), green, 90, 255))
        rows.append(values if bytes_per_channel == 1 else bytes(v for v in values for _ in range(2)))
    return b"".join(rows)


def paint(document, data):
    document.activeNode().setPixelData(QtCore.QByteArray(data), 0, 0, document.width(), document.height())
    document.refreshProjection()
    document.waitForDone()


def furthest(data, other):
    return max(abs(a - b) for a, b in zip(data, other, strict=True))


def in_steps(steps, document):
    """Run steps as the studio does; return what they return, and the longest of them in seconds."""
    longest = 0.0
    while True:
        yield lambda: canvas.is_at_rest(document)
        begun = time.perf_counter()
        try:
            next(steps)
        except StopIteration as end:
            return end.value, longest
        longest = max(longest, time.perf_counter() - begun)


def layer(document, added):
    return next(node for node in canvas.layers(document) if canvas.layer_id(node) == added.layer)


def there_and_back(depth):
    document = yield from opened(SMALL, depth)
    wide = 2 if depth == "U16" else 1
    paint(document, slope(SMALL, wide))
    document.setModified(False)
    steps = canvas.snapshot_steps(document, Bounds.of(SMALL), None, SMALL.area // 4)
    shot, _ = yield from in_steps(steps, document)
    assert shot.image.extent == Extent(320, 240)
    assert (shot.image.depth, shot.depth) == ("u8", depth.lower())
    assert furthest(shot.image.data.data(), slope(Extent(320, 240))) <= 3
    assert not document.modified()
    before = document.pixelData(0, 0, SMALL.width, SMALL.height).data()
    children = len(document.rootNode().childNodes())
    picture = shot.image
    if depth == "U16":
        picture = canvas.Pixels(QtCore.QByteArray(slope(Extent(320, 240), 2)), Extent(320, 240), "bgra", "u16")
    steps = canvas.layer_steps(document, picture, Bounds.of(SMALL), "hills", shot.anchor)
    added, _ = yield from in_steps(steps, document)
    assert added.notes == (canvas.Note.ENLARGED,)
    written = layer(document, added).pixelData(0, 0, SMALL.width, SMALL.height).data()
    expected = slope(SMALL, wide)
    high = slice(1, None, 2) if depth == "U16" else slice(None)
    assert furthest(written[high], expected[high]) <= 4
    yield lambda: canvas.is_at_rest(document)
    app.action("edit_undo").trigger()
    yield lambda: len(document.rootNode().childNodes()) == children
    yield lambda: canvas.is_at_rest(document)
    document.refreshProjection()
    assert document.pixelData(0, 0, SMALL.width, SMALL.height).data() == before


def check_a_canvas_is_read_smaller_and_its_result_enlarged_in_one_undo_step(t):
    yield from there_and_back("U8")


def check_a_deep_canvas_too(t):
    yield from there_and_back("U16")


def check_outside_of_a_selection_nothing_changes_when_a_result_is_enlarged(t):
    document = yield from opened(SMALL)
    paint(document, slope(SMALL))
    selection = Selection()
    selection.select(100, 80, 333, 251, 255)
    selection.select(200, 150, 1, 1, 0)
    document.setSelection(selection)
    yield lambda: document.selection() is not None
    yield lambda: canvas.is_at_rest(document)
    mask = document.selection().pixelData(0, 0, SMALL.width, SMALL.height).data()
    selected = canvas.selected_bounds(document)
    steps = canvas.snapshot_steps(document, Bounds.of(SMALL), selected, SMALL.area // 4)
    shot, _ = yield from in_steps(steps, document)
    inside, line = shot.painted, shot.image.extent.width
    small = shot.mask.data.data()
    rows = [small[y * line + inside.x : y * line + inside.right] for y in range(inside.y, inside.bottom)]
    data = b"".join(bytes((10, 20, 250, 255 if value else 0)) for row in rows for value in row)
    at = Bounds(inside.x * 2, inside.y * 2, inside.width * 2, inside.height * 2)
    picture = canvas.Pixels(QtCore.QByteArray(data), inside.extent, "bgra", "u8")
    steps = canvas.layer_steps(document, picture, at, "", shot.anchor)
    added, _ = yield from in_steps(steps, document)
    alpha = layer(document, added).pixelData(0, 0, SMALL.width, SMALL.height).data()[3::4]
    assert not any(a for a, m in zip(alpha, mask, strict=True) if m == 0)
    assert alpha.count(255) > 0.9 * (len(mask) - mask.count(0))


def check_a_huge_canvas_needs_neither_much_memory_nor_the_main_thread_for_long(t):
    extent = Extent(LARGE_SIDE, LARGE_SIDE)
    document = yield from opened(extent)
    most = 1024 * 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    steps = canvas.snapshot_steps(document, Bounds.of(extent), None, most)
    shot, longest = yield from in_steps(steps, document)
    assert shot.image.extent == Extent(1024, 1024)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    t.note(f"reading {extent} as {shot.image.extent}: {more} MiB more, longest step {longest * 1000:.0f} ms")
    assert more < 200
    assert longest < OWN_SECONDS * BUSY
    steps = canvas.layer_steps(document, shot.image, Bounds.of(extent), "", take_anchor(document, extent))
    children, longest = len(document.rootNode().childNodes()), 0.0
    for _ in range(12):
        yield
        begun = time.perf_counter()
        next(steps)
        longest = max(longest, time.perf_counter() - begun)
    t.note(f"enlarging it again: longest step {longest * 1000:.0f} ms")
    assert longest < OWN_SECONDS * BUSY
    # dropped halfway, nothing has changed
    steps.close()
    assert len(document.rootNode().childNodes()) == children
