"""Areas that are painted smaller and enlarged, under one binding, with the stand-in for Krita. Started by `test_bindings.py`."""

import random
from functools import partial
from math import ceil

import krita
import numpy as np
import pytest
import room
from hypothesis import given, settings
from hypothesis import strategies as st

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.canvas import scaling
from krita_plugin.canvas.anchor import take_anchor
from krita_plugin.canvas.layer import NOT_AT_REST
from krita_plugin.canvas.scaling import working_bounds, working_extent
from krita_plugin.canvas.snapshot import CANVAS_CHANGED, SELECTION_TOO_THIN
from krita_plugin.qt import QtCore

Bounds, Extent = protocol.Bounds, protocol.Extent
SIZE = Extent(203, 155)
WHOLE = Bounds.of(SIZE)
MOST = SIZE.area // 4


@pytest.fixture(autouse=True)
def in_strips(monkeypatch):
    """Strips of a few rows, so that there are many."""
    monkeypatch.setattr(scaling, "STRIP_PIXELS", 4096)


opened = partial(room.opened, size=(SIZE.width, SIZE.height))


def slope(extent):
    """Blue rises to the right, green downwards, red is even: [height, width, 4], opaque."""
    pixels = np.empty((extent.height, extent.width, 4), "u1")
    pixels[..., 0] = np.linspace(0, 250, extent.width)
    pixels[..., 1] = np.linspace(0, 250, extent.height)[:, np.newaxis]
    pixels[..., 2:] = 90, 255
    return pixels


def paint(document, pixels):
    document.activeNode().setPixelData(QtCore.QByteArray(pixels.tobytes()), 0, 0, SIZE.width, SIZE.height)
    document.refreshProjection()


def select(document, mask):
    selection = krita.Selection()
    selection.setPixelData(QtCore.QByteArray(mask.tobytes()), 0, 0, SIZE.width, SIZE.height)
    document.setSelection(selection)


def array_of(pixels):
    channels = {"gray": 1, "bgra": 4}[pixels.order]
    kind = "<u2" if pixels.depth == "u16" else "u1"
    return np.frombuffer(pixels.data.data(), kind).reshape(pixels.extent.height, pixels.extent.width, channels)


def picture_of(pixels):
    height, width = pixels.shape[:2]
    depth = "u16" if pixels.dtype == np.uint16 else "u8"
    return canvas.Pixels(QtCore.QByteArray(pixels.tobytes()), Extent(width, height), "bgra", depth)


@given(st.builds(Extent, st.integers(1, 40_000), st.integers(1, 40_000)), st.integers(1, 2 * protocol.MAX_PIXELS))
def test_the_working_size_is_within_bounds_and_keeps_proportions(extent, most):
    found = working_extent(extent, most)
    bound = min(most, protocol.MAX_PIXELS)
    if extent.area <= bound and extent.longest <= protocol.MAX_SIDE:
        assert found == extent
        return
    assert found.area <= bound
    assert found.longest <= protocol.MAX_SIDE
    assert found.width <= extent.width
    assert found.height <= extent.height
    scale = min((bound / extent.area) ** 0.5, protocol.MAX_SIDE / extent.longest)
    if extent.shortest * scale >= 1:
        assert abs(found.width - extent.width * scale) <= 1
        assert abs(found.height - extent.height * scale) <= 1


def test_a_large_area_is_read_smaller_and_looks_the_same():
    document = opened()
    paint(document, slope(SIZE))
    document.setModified(False)
    shot = canvas.take_snapshot(document, WHOLE, None, MOST)
    assert shot.image.extent == working_extent(SIZE, MOST)
    assert (shot.bounds, shot.mask, shot.selection, shot.painted) == (WHOLE, None, None, None)
    assert shot.scale == pytest.approx(0.5, abs=0.01)
    seen = array_of(shot.image).astype(int)
    assert np.abs(seen - slope(shot.image.extent)).max() <= 3
    assert not document.modified()


def test_fine_detail_is_averaged_and_not_skipped():
    document = opened()
    stripes = slope(SIZE)
    stripes[:, 0::2, :3], stripes[:, 1::2, :3] = 0, 200
    paint(document, stripes)
    seen = array_of(canvas.take_snapshot(document, WHOLE, None, MOST).image)
    assert 60 <= seen[..., :3].min() <= seen[..., :3].max() <= 140


def test_a_deep_document_is_read_in_8_bit_and_asks_for_16():
    document = opened(depth="U16", profile="sRGB-elle-V2-srgbtrc.icc")
    paint(document, slope(SIZE).astype("<u2") * 257)
    shot = canvas.take_snapshot(document, WHOLE, None, MOST)
    assert (shot.image.depth, shot.depth) == ("u8", "u16")
    assert np.abs(array_of(shot.image).astype(int) - slope(shot.image.extent)).max() <= 3


def test_an_area_within_the_bound_is_read_as_it_is():
    document = opened()
    paint(document, slope(SIZE))
    shot = canvas.take_snapshot(document, WHOLE, None, SIZE.area)
    assert (shot.image.extent, shot.scale) == (SIZE, 1.0)
    steps = canvas.snapshot_steps(document, WHOLE, None, SIZE.area)
    with pytest.raises(StopIteration):
        next(steps)


def test_a_part_of_the_canvas_is_read_from_where_it_lies():
    document = opened()
    paint(document, slope(SIZE))
    part = Bounds(60, 40, 120, 100)
    shot = canvas.take_snapshot(document, part, None, 3000)
    expected = slope(SIZE)[40:140, 60:180]
    seen = array_of(shot.image).astype(int)
    assert abs(int(seen[0, 0, 0]) - int(expected[0, 0, 0])) <= 4
    assert abs(int(seen[-1, -1, 0]) - int(expected[-1, -1, 0])) <= 4
    assert abs(int(seen[-1, -1, 1]) - int(expected[-1, -1, 1])) <= 4


def masks():
    """Selections that are hard to keep apart: discs, needles, holes, the canvas' edges, random dots, soft ramps."""
    y, x = np.mgrid[: SIZE.height, : SIZE.width]
    disc = np.where((x - 90) ** 2 + (y - 70) ** 2 < 55**2, 255, 0)
    rng = np.random.default_rng(3)
    return {
        "disc": disc,
        "a hole of one pixel": np.where((x == 101) & (y == 77), 0, 255),
        "left half": np.where(x < 100, 255, 0),
        "all but the last row": np.where(y < SIZE.height - 1, 255, 0),
        "dotted with holes": np.where(rng.random(disc.shape) < 0.002, 0, 255),
        "a soft ramp": np.clip((x - 40) * 3, 0, 255),
    }


@pytest.mark.parametrize("name", masks())
def test_an_enlarged_mask_reaches_nowhere_beyond_the_selection_and_covers_most_of_it(name):
    document, mask = opened(), masks()[name].astype("u1")
    select(document, mask)
    selected = canvas.selected_bounds(document)
    shot = canvas.take_snapshot(document, WHOLE, selected, MOST)
    small = array_of(shot.mask)[..., 0]
    inside = shot.painted
    outside = small.copy()
    outside[inside.y : inside.bottom, inside.x : inside.right] = 0
    assert not outside.any()
    # what a backend gives at most: full alpha wherever the mask is not 0, cut to the selection
    alpha = np.where(small > 0, 255, 0)[inside.y : inside.bottom, inside.x : inside.right]
    layer = np.full((*alpha.shape, 4), 255, "u1")
    layer[..., 3] = alpha
    at = on_canvas(inside, shot)
    anchor = take_anchor(document, SIZE)
    added = canvas.add_layer(document, picture_of(layer), at, "", anchor)
    assert canvas.Note.ENLARGED in added.notes
    written = np.frombuffer(layer_of(document, added).pixelData(0, 0, SIZE.width, SIZE.height).data(), "u1")
    written = written.reshape(SIZE.height, SIZE.width, 4)[..., 3]
    assert not written[mask == 0].any()
    reach = ceil(scaling.INFLUENCE * 2.1) + scaling.SPARE_PIXELS + 3
    assert written[eroded(mask, reach) > 0].all()


def on_canvas(part, shot):
    """Where a part of the snapshot's image lies on the canvas, in whole pixels."""
    wide, high = shot.bounds.width / shot.image.extent.width, shot.bounds.height / shot.image.extent.height
    left, top, right, bottom = (
        round(part.x * wide),
        round(part.y * high),
        round(part.right * wide),
        round(part.bottom * high),
    )
    return Bounds(left + shot.bounds.x, top + shot.bounds.y, right - left, bottom - top)


def eroded(mask, reach):
    """The pixels that have no hole within that distance in x and y, the canvas' edge being none."""
    holes = np.pad(mask == 0, reach)
    near = np.zeros_like(mask, bool)
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            near |= holes[dy : dy + mask.shape[0], dx : dx + mask.shape[1]]
    return np.where(near, 0, mask)


def layer_of(document, added):
    return next(node for node in canvas.layers(document) if canvas.layer_id(node) == added.layer)


def test_what_is_far_from_an_edge_keeps_its_softness():
    document = opened()
    select(document, np.full((SIZE.height, SIZE.width), 77, "u1"))
    shot = canvas.take_snapshot(document, WHOLE, WHOLE, MOST)
    assert set(array_of(shot.mask).ravel()) <= {76, 77}


def test_a_selection_that_would_vanish_is_told():
    document, mask = opened(), np.zeros((SIZE.height, SIZE.width), "u1")
    mask[10:150, 50:52] = 255
    select(document, mask)
    assert canvas.take_snapshot(document, WHOLE, canvas.selected_bounds(document), MOST) == SELECTION_TOO_THIN


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 4), st.integers(0, 2**32))
def test_holes_are_widened_as_slowly_counted(width, height, reach, seed):
    rng = random.Random(seed)
    mask = np.array([rng.choice([0, 9, 255, 255, 255]) for _ in range(width * height)], "u1").reshape(height, width)
    line = width + reach
    apart = b"".join(row.tobytes() + b"\xff" * reach for row in mask)
    found = np.frombuffer(scaling._without_edges(apart, line, reach), "u1").reshape(height, line)[:, :width]
    assert (found == eroded(mask, reach)).all()


def test_a_canvas_that_is_cropped_while_it_is_read_is_told():
    document = opened()
    steps = canvas.snapshot_steps(document, WHOLE, None, MOST)
    next(steps)
    document.crop(0, 0, 100, 100)
    assert canvas.at_once(steps) == CANVAS_CHANGED


def test_a_document_that_is_closed_while_it_is_read_is_told():
    document = opened()
    steps = canvas.snapshot_steps(document, WHOLE, None, MOST)
    next(steps)
    document.close()
    assert canvas.at_once(steps) == canvas.DOCUMENT_CLOSED


@pytest.mark.parametrize("depth", ["U8", "U16"])
def test_a_picture_is_enlarged_without_seams_in_one_undo_step(depth):
    document = opened(depth=depth, profile="sRGB-elle-V2-srgbtrc.icc")
    small = slope(Extent(50, 40))
    small = small if depth == "U8" else small.astype("<u2") * 257
    anchor = take_anchor(document, SIZE)
    steps = canvas.layer_steps(document, picture_of(small), WHOLE, "hills", anchor)
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            added = end.value
            break
        count += 1
        assert krita.undo_steps(document) == []
    assert count > 3
    assert added.notes == (canvas.Note.ENLARGED,)
    assert krita.undo_steps(document) == ["Add Layer"]
    kind, top = ("u1", 255) if depth == "U8" else ("<u2", 65535)
    data = layer_of(document, added).pixelData(0, 0, SIZE.width, SIZE.height).data()
    written = np.frombuffer(data, kind).reshape(SIZE.height, SIZE.width, 4).astype(float) * 255 / top
    assert np.abs(written - slope(SIZE)).max() <= 6
    # interpolated, so no step is higher than the slope's own, also where two strips meet
    assert np.abs(np.diff(written[:, 100, 1])).max() <= 2.5
    assert np.abs(np.diff(written[60, :, 0])).max() <= 2.5


def test_a_canvas_that_changes_while_a_picture_is_enlarged_gets_it_later_at_the_right_place():
    document = opened()
    anchor = take_anchor(document, SIZE)
    steps = canvas.layer_steps(document, picture_of(slope(Extent(50, 40))), WHOLE, "", anchor)
    next(steps)
    document.crop(20, 0, 150, 150)
    before = krita.undo_steps(document)
    assert canvas.at_once(steps) == NOT_AT_REST
    assert krita.undo_steps(document) == before
    added = canvas.add_layer(document, picture_of(slope(Extent(50, 40))), WHOLE, "", anchor)
    assert added.bounds == WHOLE.moved(-20, 0)
    assert set(added.notes) == {canvas.Note.CANVAS_SHIFTED, canvas.Note.ENLARGED}


def test_nothing_comes_of_a_document_that_is_closed_halfway():
    document = opened()
    steps = canvas.layer_steps(document, picture_of(slope(Extent(50, 40))), WHOLE, "", take_anchor(document, SIZE))
    next(steps)
    document.close()
    assert canvas.at_once(steps) == canvas.DOCUMENT_CLOSED


def test_the_working_bounds_hold_all_that_a_part_bears_on():
    assert working_bounds(Bounds(0, 0, 203, 155), SIZE, Extent(100, 77)) == Bounds(0, 0, 100, 77)
    assert working_bounds(Bounds(50, 50, 1, 1), Extent(100, 100), Extent(10, 10)) == Bounds(4, 4, 3, 3)
