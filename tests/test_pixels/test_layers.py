from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from backend.pixels import layers
from protocol import Bounds

SIDES = st.integers(1, 12)


@st.composite
def cases(draw):
    dtype = draw(st.sampled_from((np.uint8, np.uint16)))
    picture = draw(hnp.arrays(dtype, (draw(SIDES), draw(SIDES), draw(st.integers(1, 4)))))
    bounds = Bounds(draw(st.integers(-6, 12)), draw(st.integers(-6, 12)), draw(SIDES), draw(SIDES))
    kind = draw(st.sampled_from((np.uint8, np.uint16, np.float32)))
    values = {"elements": st.floats(0, 1, width=32)} if kind is np.float32 else {}
    layer = draw(hnp.arrays(kind, (bounds.height, bounds.width, 4), **values)).copy()
    layer[draw(hnp.arrays(bool, layer.shape[:2])), 3] = 0
    return picture, layer, bounds


@given(cases())
def test_where_the_layer_is_clear_and_outside_of_it_the_bits_stay(case):
    picture, layer, bounds = case
    before = picture.copy()
    result = layers.composite(picture, layer, bounds)
    assert np.array_equal(picture, before)
    assert (result.dtype, result.shape) == (picture.dtype, picture.shape)
    touched = np.zeros(picture.shape[:2], bool)
    for y, x in np.argwhere(layer[..., 3] > 0):
        if 0 <= y + bounds.y < touched.shape[0] and 0 <= x + bounds.x < touched.shape[1]:
            touched[y + bounds.y, x + bounds.x] = True
    assert np.array_equal(result[~touched], picture[~touched])


@given(cases())
def test_the_rest_is_the_formula_of_porter_and_duff(case):
    picture, layer, bounds = case
    result = layers.composite(picture, layer, bounds)
    most = np.iinfo(picture.dtype).max
    scale = 1 if layer.dtype == np.float32 else np.iinfo(layer.dtype).max
    for y, x in np.argwhere(layer[..., 3] > 0):
        row, column = y + bounds.y, x + bounds.x
        if not (0 <= row < picture.shape[0] and 0 <= column < picture.shape[1]):
            continue
        *paint, cover = (float(value) / scale for value in layer[y, x])
        beneath = [float(value) / most for value in picture[row, column]]
        alpha = beneath.pop() if picture.shape[2] in (2, 4) else 1.0
        if picture.shape[2] < 3:
            paint = [0.2126 * paint[0] + 0.7152 * paint[1] + 0.0722 * paint[2]]
        together = cover + alpha * (1 - cover)
        expected = [(p * cover + b * alpha * (1 - cover)) / together for p, b in zip(paint, beneath, strict=True)]
        if picture.shape[2] in (2, 4):
            expected.append(together)
        assert np.abs(result[row, column] / most - expected).max() <= 0.51 / most + 1e-6


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_opaque_paint_of_the_same_depth_arrives_to_the_bit(dtype, channels):
    rng = np.random.default_rng(3)
    most = np.iinfo(dtype).max
    picture = rng.integers(0, most + 1, (256, 256, channels), dtype=dtype)
    layer = rng.integers(0, most + 1, (256, 256, 4), dtype=dtype)
    layer[..., 3] = most
    assert np.array_equal(layers.composite(picture, layer, Bounds(0, 0, 256, 256)), layer[..., :channels])


def test_over_agrees_with_pillow(noise):
    picture, layer = noise, noise[::-1, ::-1].copy()
    ours = layers.composite(picture, layer, Bounds(0, 0, noise.shape[1], noise.shape[0]))
    theirs = np.asarray(Image.alpha_composite(Image.fromarray(picture), Image.fromarray(layer)))
    # Pillow rounds colour to fewer bits where the result is nearly clear.
    solid = theirs[..., 3] > 64
    assert np.abs(ours.astype(int) - theirs)[solid].max() <= 2


def test_paint_on_nothing_becomes_visible():
    clear = np.zeros((1, 1, 4), np.uint16)
    layer = np.float32([[[1, 0.5, 0, 0.25]]])
    assert layers.composite(clear, layer, Bounds(0, 0, 1, 1)).tolist() == [[[65535, 32768, 0, 16384]]]


def test_a_picture_of_many_strips_is_laid_over_as_one(monkeypatch, noise):
    bounds = Bounds(3, 2, 40, 30)
    layer = noise[:30, :40]
    whole = layers.composite(noise, layer, bounds)
    monkeypatch.setattr(layers, "STRIP_PIXELS", 50)
    assert np.array_equal(layers.composite(noise, layer, bounds), whole)


def test_what_does_not_fit_is_refused():
    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="cannot have the shape"):
        layers.composite(picture, np.zeros((2, 3, 4), np.uint8), Bounds(0, 0, 2, 3))
    with pytest.raises(ValueError, match="8 or 16 bit"):
        layers.composite(picture.astype(np.float32), np.zeros((1, 1, 4), np.uint8), Bounds(0, 0, 1, 1))
    with pytest.raises(ValueError, match="NaN"):
        layers.composite(picture, np.full((1, 1, 4), np.nan, np.float32), Bounds(0, 0, 1, 1))


@given(hnp.arrays(np.uint8, st.tuples(SIDES, SIDES), elements=st.sampled_from((0, 0, 0, 1, 255))))
def test_mask_bounds_are_pillows(mask):
    box = Image.fromarray(mask).getbbox()
    expected = None if box is None else Bounds(box[0], box[1], box[2] - box[0], box[3] - box[1])
    assert layers.mask_bounds(mask) == expected
