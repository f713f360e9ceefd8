"""Runs inside Krita: documents of every kind of colour space, painted in by the docker's own widgets."""

from __future__ import annotations

import array

import painter
from painter import app, at_rest, click, layers, paint, part, select, triggered, write

SIZE = 256
AREA = (64, 64, 128, 128)
DEPTH_BYTES = {"U8": 1, "U16": 2, "F16": 2, "F32": 4}
CHANNELS = {"RGBA": 4, "GRAYA": 2, "CMYKA": 5, "LABA": 4}


def in_space(model, depth):
    """Open a document with a picture in it, of that colour space, with the profile that Krita gives it by itself."""
    document = yield from painter.opened(SIZE, SIZE)
    yield from paint(document)
    if (model, depth) != ("RGBA", "U8"):
        profile = app.profiles(model, depth)[0] if model != "RGBA" else "sRGB-elle-V2-g10.icc"
        assert document.setColorSpace(model, depth, profile)
        yield lambda: (document.colorModel(), document.colorDepth()) == (model, depth)
        yield from at_rest(document)
        document.refreshProjection()
        yield from at_rest(document)
    return document


def outside(document, data) -> list[bytes]:
    """The rows of what is seen that lie above, below and beside the selection."""
    pixel = CHANNELS[document.colorModel()] * DEPTH_BYTES[document.colorDepth()]
    assert len(data) == SIZE * SIZE * pixel
    x, y, width, height = AREA
    line = SIZE * pixel
    found = [data[: y * line], data[(y + height) * line :]]
    for row in range(y, y + height):
        found += [data[row * line : row * line + x * pixel], data[row * line + (x + width) * pixel : (row + 1) * line]]
    return found


def alike(data: bytes, other: bytes, depth: str) -> bool:
    """Whether these are the same pixels. Krita adds floats up in another order when it redraws other rectangles."""
    if depth != "F32":
        return data == other
    return all(abs(a - b) < 1e-5 for a, b in zip(array.array("f", data), array.array("f", other), strict=True))


def painted_in(t, model, depth):
    """Set the docker up for such a document, paint in it, undo, redo; find the settings again after another document."""
    yield from painter.ready()
    document = yield from in_space(model, depth)
    space = (document.colorModel(), document.colorDepth(), document.colorProfile())
    before = painter.pixels(document)
    select(document, *AREA)
    write("scumblePrompt", f"an apple in {model}")
    part("scumbleStrengthValue").setValue(80)
    click("scumbleGenerate")
    yield lambda: layers(document) == ["Background", f"an apple in {model}"], painter.PAINTING_SECONDS
    yield from at_rest(document)
    new = painter.layer(document, f"an apple in {model}")
    assert (new.colorModel(), new.colorDepth(), new.colorProfile()) == space
    assert (document.colorModel(), document.colorDepth(), document.colorProfile()) == space
    after = painter.pixels(document)
    assert outside(document, after) == outside(document, before)
    assert after != before
    yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background"]
    yield from at_rest(document)
    assert painter.pixels(document) == before
    yield from triggered(document, "edit_redo")
    yield lambda: len(layers(document)) == 2
    yield from at_rest(document)
    assert alike(painter.pixels(document), after, depth)
    other = yield from painter.opened(SIZE, SIZE)
    yield lambda: part("scumblePrompt").toPlainText() == ""
    assert part("scumbleStrengthValue").value() == 100
    other.setModified(False)
    other.close()
    yield lambda: app.activeDocument() == document
    yield lambda: part("scumblePrompt").toPlainText() == f"an apple in {model}"
    assert part("scumbleStrengthValue").value() == 80
    t.note(f"{space}: {new.bounds().width()} x {new.bounds().height()}")


def check_half_float(t):
    yield from painted_in(t, "RGBA", "F16")


def check_float(t):
    yield from painted_in(t, "RGBA", "F32")


def check_grey_8_bit(t):
    yield from painted_in(t, "GRAYA", "U8")


def check_grey_16_bit(t):
    yield from painted_in(t, "GRAYA", "U16")


def check_cmyk(t):
    yield from painted_in(t, "CMYKA", "U8")


def check_lab(t):
    yield from painted_in(t, "LABA", "U16")
