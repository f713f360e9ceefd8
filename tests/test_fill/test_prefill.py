from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.fill import blur_fill, flatten
from backend.fill.extend import extend

SIDES = st.integers(1, 64)
SEEDS = st.integers(0, 2**32 - 1)


def picture(rng, height, width):
    return rng.random((height, width, 3), np.float32)


def holes(rng, height, width):
    """A mask of a box and a few dots, which may be all, or nothing."""
    mask = np.zeros((height, width), np.float32)
    top, left = rng.integers(0, height), rng.integers(0, width)
    mask[top : top + rng.integers(0, height + 1), left : left + rng.integers(0, width + 1)] = 1
    mask[rng.random((height, width)) < 0.05] = 1
    return mask


@given(SIDES, SIDES, SEEDS)
def test_outside_the_mask_every_bit_stays_and_inside_nothing_of_it(height, width, seed):
    rng = np.random.default_rng(seed)
    rgb, mask = picture(rng, height, width), holes(rng, height, width)
    filled = blur_fill(rgb, mask)
    assert filled.dtype == np.float32
    assert np.array_equal(filled[mask == 0], rgb[mask == 0])
    # what stood beneath the mask leaves no trace
    other = np.where(mask[..., None] > 0, picture(rng, height, width), rgb)
    assert np.allclose(blur_fill(other, mask)[mask == 1], filled[mask == 1], rtol=0, atol=1e-6)
    if (mask == 0).any():
        known = rgb[mask == 0]
        assert (filled >= known.min(axis=0) - 1e-5).all()
        assert (filled <= known.max(axis=0) + 1e-5).all()
    else:
        assert (filled == 0.5).all()


@given(SIDES, SIDES, SEEDS, st.floats(0, 1, width=32))
def test_one_colour_goes_on_as_itself(height, width, seed, value):
    mask = holes(np.random.default_rng(seed), height, width)
    mask[0, 0] = 0
    flat = np.full((height, width, 3), value, np.float32)
    assert np.allclose(blur_fill(flat, mask), flat, rtol=0, atol=1e-6)


def test_the_fill_follows_its_surroundings_without_a_step():
    x = np.broadcast_to(np.linspace(0, 1, 128, dtype=np.float32)[None, :, None], (128, 128, 3))
    mask = np.zeros((128, 128), np.float32)
    mask[40:90, 30:100] = 1
    filled = blur_fill(x, mask)
    assert np.abs(np.diff(filled, axis=0)).max() < 0.07
    assert np.abs(np.diff(filled, axis=1)).max() < 0.07
    assert filled[64, 33, 0] < 0.4
    assert filled[64, 96, 0] > 0.6


def test_a_half_masked_pixel_is_half_replaced():
    rgb = np.zeros((32, 32, 3), np.float32)
    rgb[8:24, 8:24] = 1
    mask = np.zeros((32, 32), np.float32)
    mask[8:24, 8:24] = 1
    soft = mask * np.float32(0.5)
    assert np.allclose(blur_fill(rgb, mask)[16, 16], 0, rtol=0, atol=1e-6)
    assert 0.5 <= blur_fill(rgb, soft)[16, 16, 0] < 1


@given(SIDES, SIDES, SEEDS)
def test_opaque_pixels_stay_and_what_is_transparent_takes_their_colours(height, width, seed):
    rng = np.random.default_rng(seed)
    rgb, opacity = picture(rng, height, width), 1 - holes(rng, height, width)
    flat = flatten(np.concatenate([rgb, opacity[..., None]], axis=2))
    assert flat.shape == (height, width, 3)
    assert np.allclose(flat[opacity == 1], rgb[opacity == 1], rtol=0, atol=1e-6)
    other = np.where(opacity[..., None] == 0, picture(rng, height, width), rgb)
    assert np.allclose(flatten(np.concatenate([other, opacity[..., None]], axis=2)), flat, rtol=0, atol=1e-6)
    if not opacity.any():
        assert (flat == 1).all()


def test_an_opaque_picture_keeps_every_bit():
    rgb = picture(np.random.default_rng(1), 5, 7)
    assert np.array_equal(flatten(np.dstack([rgb, np.ones((5, 7), np.float32)])), rgb)


def test_half_opaque_pixels_are_laid_on_their_surroundings():
    rgba = np.zeros((16, 16, 4), np.float32)
    rgba[..., 0], rgba[..., 3] = 1, 1
    rgba[8, 8] = (0, 1, 0, 0.5)
    assert np.allclose(flatten(rgba)[8, 8], [0.5, 0.5, 0], rtol=0, atol=0.1)


@given(SIDES, SIDES, SEEDS)
def test_what_is_known_stays_and_what_has_no_weight_never_counts(height, width, seed):
    rng = np.random.default_rng(seed)
    values, weights = picture(rng, height, width), 1 - holes(rng, height, width)
    weights[rng.integers(0, height), rng.integers(0, width)] = 1
    field = extend(values, weights)
    assert np.array_equal(field[weights == 1], values[weights == 1])
    values[weights == 0] = rng.random(3)
    assert np.array_equal(extend(values, weights), field)


def test_a_continuation_does_not_lean_to_a_side():
    values = np.zeros((64, 64, 1), np.float32)
    values[:, 32:] = 1
    weights = np.ones((64, 64), np.float32)
    weights[16:48, 16:48] = 0
    field = extend(values, weights)[..., 0]
    assert np.allclose(field, field[::-1], rtol=0, atol=1e-6)
    assert np.allclose(field, 1 - field[:, ::-1], rtol=0, atol=1e-6)


def test_nothing_known_cannot_be_continued():
    with pytest.raises(ValueError, match="nothing is known"):
        extend(np.zeros((3, 3, 1), np.float32), np.zeros((3, 3), np.float32))
