"""Layers as pictures to work from, under one binding, with the stand-in for Krita. Started by `test_bindings.py`."""

import krita
import numpy as np
import pytest
from room import SRGB, opened

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas import reference, scaling
from krita_plugin.qt import QtCore

WIDTH, HEIGHT = 40, 30


def with_layer(document, pixels, x, y, kind="paintlayer", parent=None):
    layer = document.createNode("Photo", kind)
    layer.setPixelData(QtCore.QByteArray(pixels.tobytes()), x, y, pixels.shape[1], pixels.shape[0])
    (parent or document.rootNode()).addChildNode(layer, None)
    return layer


def noise(height, width, dtype="u1", seed=1):
    made = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (height, width, 4)).astype(dtype)
    made[..., 3] = np.iinfo(dtype).max
    return made


def read(document, layer, name="Photo"):
    return scaling.at_once(canvas.reference_steps(document, canvas.layer_id(layer), name))


@pytest.mark.parametrize(("depth", "dtype", "told"), [("U8", "u1", "u8"), ("U16", "<u2", "u16")])
def test_a_layers_own_bits_are_read_where_something_is(depth, dtype, told):
    document = opened(depth=depth, profile=SRGB)
    pixels = noise(6, 9, dtype)
    layer = with_layer(document, pixels, 5, 7)
    layer.setVisible(False)
    before = document.modified(), krita.undo_steps(document)
    found = read(document, layer)
    assert (found.extent, found.order, found.depth) == (protocol.Extent(9, 6), "bgra", told)
    assert bytes(found.data) == pixels.tobytes()
    assert (document.modified(), krita.undo_steps(document)) == before


def test_what_lies_off_the_canvas_is_left_out():
    document = opened(profile=SRGB)
    pixels = noise(20, 20)
    layer = with_layer(document, pixels, 30, -5)
    found = read(document, layer)
    assert found.extent == protocol.Extent(10, 15)
    assert bytes(found.data) == pixels[5:, :10].tobytes()


@pytest.mark.parametrize(("model", "depth", "profile"), [("RGBA", "F32", ""), ("GRAYA", "U8", ""), ("RGBA", "U16", "")])
def test_other_colour_spaces_are_converted_as_the_canvas_is(model, depth, profile):
    document = opened(model, depth, profile)
    grey = np.zeros((4, 6, 4 if model == "RGBA" else 2))
    grey[..., :-1], grey[..., -1] = np.linspace(0, 1, 6)[:, None], 1.0
    raw = document._inner.space.to_raw(grey)
    layer = with_layer(document, raw, 0, 0)
    open_before = len(krita.Krita.instance().documents())
    found = read(document, layer)
    seen = canvas.Pixels.of_image(document.projection(0, 0, 6, 4))
    assert (found.order, found.depth) == ("bgra", "u8")
    assert bytes(found.data) == bytes(seen.data)
    assert len(krita.Krita.instance().documents()) == open_before


def test_of_a_group_what_is_in_it_is_read_together():
    document = opened(profile=SRGB)
    group = document.createNode("Both", "grouplayer")
    document.rootNode().addChildNode(group, None)
    low, high = noise(8, 8, seed=1), noise(4, 4, seed=2)
    with_layer(document, low, 2, 2, parent=group)
    with_layer(document, high, 2, 2, parent=group)
    found = read(document, group)
    wanted = low.copy()
    wanted[:4, :4] = high
    assert found.extent == protocol.Extent(8, 8)
    assert bytes(found.data) == wanted.tobytes()


@pytest.mark.parametrize(("depth", "dtype"), [("U8", "u1"), ("U16", "<u2")])
def test_a_large_one_is_read_smaller_in_strips(monkeypatch, depth, dtype):
    monkeypatch.setattr(reference, "MOST_REFERENCE_PIXELS", WIDTH * HEIGHT // 4)
    monkeypatch.setattr(scaling, "STRIP_PIXELS", WIDTH * 4)
    document = opened(depth=depth, profile=SRGB)
    pixels = np.repeat(np.repeat(noise(HEIGHT // 2, WIDTH // 2, dtype), 2, axis=0), 2, axis=1)
    layer = with_layer(document, pixels, 0, 0)
    steps = canvas.reference_steps(document, canvas.layer_id(layer), "Photo")
    turns = 0
    while True:
        try:
            next(steps)
            turns += 1
        except StopIteration as end:
            found = end.value
            break
    assert turns > 3
    assert (found.extent, found.depth) == (protocol.Extent(WIDTH // 2, HEIGHT // 2), "u8")
    small = pixels[::2, ::2] if dtype == "u1" else pixels[::2, ::2] >> 8
    got = np.frombuffer(bytes(found.data), "u1").reshape(HEIGHT // 2, WIDTH // 2, 4)
    assert np.abs(got.astype(int) - small).max() <= 1


def test_one_that_goes_while_it_is_read_is_told(monkeypatch):
    monkeypatch.setattr(reference, "MOST_REFERENCE_PIXELS", WIDTH * HEIGHT // 4)
    monkeypatch.setattr(scaling, "STRIP_PIXELS", WIDTH * 4)
    document = opened(profile=SRGB)
    layer = with_layer(document, noise(HEIGHT, WIDTH), 0, 0)
    steps = canvas.reference_steps(document, canvas.layer_id(layer), "Photo")
    next(steps)
    layer.remove()
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value.code == "reference_gone"


def test_what_cannot_be_shown_is_told_by_its_name():
    document = opened(profile=SRGB)
    layer = with_layer(document, noise(3, 3), 2, 2)
    layer.remove()
    gone = read(document, layer, "My photo")
    assert gone.code == "reference_gone"
    assert "'My photo'" in gone.happened
    empty = document.createNode("Nothing yet", "paintlayer")
    document.rootNode().addChildNode(empty, None)
    assert "'Nothing yet'" in read(document, empty).happened
    off = with_layer(document, noise(3, 3), WIDTH + 1, 0)
    assert read(document, off).code == "reference_empty"
    assert len(read(document, layer, "n" * 100_000).happened) < 1000
    document.close()
    assert read(document, off).code == "document_closed"


def test_the_active_layer_is_never_a_mask_nor_the_root():
    document = opened()
    layer = with_layer(document, noise(3, 3), 2, 2)
    mask = document.createNode("Mask", "transparencymask")
    layer.addChildNode(mask, None)
    document.setActiveNode(mask)
    assert canvas.active_layer(document) == layer
    document.setActiveNode(document.rootNode())
    assert canvas.active_layer(document) is None
    document._inner.active = document._inner.selection_layer
    assert canvas.active_layer(document) is None


def test_a_thumbnail_has_the_shape_of_what_is_painted():
    document = opened()
    small = canvas.thumbnail_of(with_layer(document, noise(10, 20), 2, 2), 48)
    assert (small.width(), small.height()) == (48, 24)
    assert {small.pixelColor(x, y).alpha() for x in range(48) for y in range(24)} == {255}, (
        "what is clear around it is cut away"
    )
    empty = document.createNode("Nothing yet", "paintlayer")
    document.rootNode().addChildNode(empty, None)
    assert canvas.thumbnail_of(empty, 48).isNull()
