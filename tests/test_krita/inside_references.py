"""Runs inside Krita: layers as pictures to work from, in several colour spaces and of several kinds. For test_canvas.py."""

from __future__ import annotations

import struct
import time

from documents import (
    CHANNEL_BYTES,
    CHANNELS,
    HEIGHT,
    SRGB,
    WHOLE,
    WIDTH,
    Bounds,
    at_rest,
    noise,
    opened,
    stepped,
    turns,
    whole,
)

from krita_plugin import canvas
from krita_plugin.canvas import scaling
from krita_plugin.qt import QtCore, QtGui

PART = Bounds(10, 8, 30, 20)
PART_FOUR = (PART.x, PART.y, PART.width, PART.height)


def read(document, node):
    return scaling.at_once(canvas.reference_steps(document, canvas.layer_id(node), node.name()))


def added(document, kind="paintlayer", data=None, bounds=PART, parent=None, name="Photo"):
    node = document.createNode(name, kind)
    if data is not None:
        node.setPixelData(QtCore.QByteArray(data), bounds.x, bounds.y, bounds.width, bounds.height)
    (parent or document.rootNode()).addChildNode(node, None)
    yield from turns()
    yield from at_rest(document)
    return node


def own_bits(depth):
    document = yield from opened("RGBA", depth, SRGB)
    data = noise("RGBA", depth, PART.width * PART.height)
    node = yield from added(document, data=data)
    shown = read(document, node)
    node.setVisible(False)
    document.refreshProjection()
    yield from at_rest(document)
    hidden = read(document, node)
    for found in (shown, hidden):
        assert found.extent == PART.extent, found.extent
        assert found.depth == depth.lower()
        assert bytes(found.view()) == bytes(data)


def check_own_bits_in_8_bit(t):
    yield from own_bits("U8")


def check_own_bits_in_16_bit(t):
    yield from own_bits("U16")


def opaque(model, depth):
    """Noise that covers the canvas: how little of a colour is mixed in is no matter here."""
    one = bytearray(noise(model, depth, WIDTH * HEIGHT))
    size, full = CHANNEL_BYTES[depth], struct.pack("<f", 1.0) if depth == "F32" else b"\xff" * CHANNEL_BYTES[depth]
    step = size * CHANNELS[model]
    for at in range(size):
        one[step - size + at :: step] = full[at : at + 1] * (WIDTH * HEIGHT)
    return bytes(one)


def converted(model, depth, profile=""):
    """A layer that covers the canvas is read as the canvas is, which Krita converts."""
    document = yield from opened(model, depth, profile)
    node = document.activeNode()
    node.setPixelData(QtCore.QByteArray(opaque(model, depth)), 0, 0, WIDTH, HEIGHT)
    document.refreshProjection()
    yield from at_rest(document)
    before, modified = whole(document), document.modified()
    found = read(document, node)
    seen = canvas.take_snapshot(document, WHOLE, None).image
    assert (found.extent, found.depth) == (WHOLE.extent, "u8")
    away = [abs(a - b) for a, b in zip(bytes(found.view()), bytes(seen.view()), strict=True)]
    assert max(away) <= 1, (max(away), sum(away) / len(away))
    assert whole(document) == before
    assert document.modified() == modified


def check_linear_floats_are_read_as_the_canvas_is(t):
    yield from converted("RGBA", "F32")


def check_grey_is_read_as_the_canvas_is(t):
    yield from converted("GRAYA", "U8")


def check_cmyk_is_read_as_the_canvas_is(t):
    yield from converted("CMYKA", "U8")


def check_lab_is_read_as_the_canvas_is(t):
    yield from converted("LABA", "U16")


def check_groups_fills_and_hidden_ones(t):
    document = yield from opened("RGBA", "U8", SRGB)
    low = noise("RGBA", "U8", PART.width * PART.height)
    group = yield from added(document, "grouplayer", name="Both")
    yield from added(document, data=low, parent=group)
    document.refreshProjection()
    yield from at_rest(document)
    found = read(document, group)
    assert not hasattr(found, "code"), found
    assert (found.extent, bytes(found.view())) == (PART.extent, bytes(low))
    group.setVisible(False)
    document.refreshProjection()
    yield from at_rest(document)
    hidden = read(document, group)
    assert not hasattr(hidden, "code"), hidden
    assert bytes(hidden.view()) == bytes(low)
    empty = yield from added(document, name="Empty")
    assert read(document, empty).code == "reference_empty"


def check_a_layer_is_cut_to_the_canvas(t):
    document = yield from opened("RGBA", "U8", SRGB)
    bounds = Bounds(WIDTH - 10, -6, 20, 16)
    data = bytes(noise("RGBA", "U8", bounds.width * bounds.height))
    node = yield from added(document, data=data, bounds=bounds)
    found = read(document, node)
    rows = [data[(row * 20) * 4 : (row * 20 + 10) * 4] for row in range(6, 16)]
    assert (found.extent.width, found.extent.height) == (10, 10)
    assert bytes(found.view()) == b"".join(rows)


def check_one_that_is_deleted_is_told_and_comes_back_by_undo(t):
    document = yield from opened("RGBA", "U8", SRGB)
    node = yield from added(document, data=noise("RGBA", "U8", PART.width * PART.height))
    known = canvas.layer_id(node)
    node.remove()
    yield from turns()
    steps = canvas.reference_steps(document, known, "Photo")
    assert scaling.at_once(steps).code == "reference_gone"
    yield from stepped(document, "edit_undo")
    yield lambda: canvas.layer_by_id(document, known) is not None
    assert scaling.at_once(canvas.reference_steps(document, known, "Photo")).extent == PART.extent


def check_thumbnails_are_small_and_quick(t):
    document = yield from opened("RGBA", "U8", SRGB)
    node = yield from added(document, data=noise("RGBA", "U8", PART.width * PART.height))
    begun = time.monotonic()
    image = canvas.thumbnail_of(node, 48)
    t.note(f"a thumbnail took {time.monotonic() - begun:.4f} s")
    assert isinstance(image, QtGui.QImage)
    assert not image.isNull()
    assert (image.width(), image.height()) == (48, 48 * PART.height // PART.width)
    blue, green, red = 30, 160, 220
    node.setPixelData(QtCore.QByteArray(bytes((blue, green, red, 255)) * (PART.width * PART.height)), *PART_FOUR)
    image = canvas.thumbnail_of(node, 48)
    for x, y in ((1, 1), (24, 16), (46, 30)):
        seen = image.pixelColor(x, y)
        assert max(abs(seen.red() - red), abs(seen.green() - green), abs(seen.blue() - blue)) <= 3, (x, y, seen.name())
