"""Runs inside Krita: snapshots and result layers in every kind of colour space. For test_canvas.py."""

from __future__ import annotations

import array

from documents import (
    CHANNEL_BYTES,
    CHANNELS,
    HEIGHT,
    PLACE,
    SRGB,
    WIDTH,
    Bounds,
    Extent,
    activate,
    app,
    at_rest,
    cut,
    names,
    noise,
    opened,
    paint,
    picture,
    placed,
    stepped,
    turns,
    whole,
)

from krita_plugin import canvas
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.document import layer_by_id


def alike(data, other, depth):
    """Whether these are the same pixels. Krita adds floats up in another order when it redraws other rectangles."""
    if depth != "F32":
        return data == other
    return all(abs(a - b) < 1e-5 for a, b in zip(array.array("f", data), array.array("f", other), strict=True))


def layer_round_trip(model, depth, colour, profile="", slack=1):
    document = yield from opened(model, depth, profile)
    paint(document, noise(model, depth, WIDTH * HEIGHT))
    background = document.activeNode()
    # an undo step of the painter's own beforehand: one undo may take back the result and must leave this
    document.rootNode().addChildNode(document.createNode("Earlier", "paintlayer"), None)
    yield from activate(document, background)
    own, before = background.pixelData(0, 0, WIDTH, HEIGHT).data(), whole(document)
    anchor = take_anchor(document, Extent(WIDTH, HEIGHT))
    result = picture(canvas.result_depth(document), colour)
    open_before = app.documents()
    prompt = "a red apple\nin the  sun"
    added = yield from placed(lambda: canvas.add_layer(document, result, PLACE, prompt, anchor))
    assert isinstance(added, canvas.Added), added
    assert added.bounds == PLACE
    assert added.notes == ()
    yield from at_rest(document)
    yield from turns()
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
    yield from turns()
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
