from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.fill import match_colour
from backend.fill.colour import MAX_DRIFT

SIDES = st.integers(1, 64)
SEEDS = st.integers(0, 2**32 - 1)


def picture(rng, height, width):
    """With room above and below, so that a drift is not cut."""
    return rng.uniform(0.25, 0.75, (height, width, 3)).astype(np.float32)


def box(rng, height, width):
    mask = np.zeros((height, width), np.float32)
    top, left = rng.integers(0, height), rng.integers(0, width)
    mask[top : top + rng.integers(1, height + 1), left : left + rng.integers(1, width + 1)] = rng.choice([1, 0.01])
    return mask


@given(SIDES, SIDES, SEEDS)
def test_the_same_picture_keeps_every_bit(height, width, seed):
    rng = np.random.default_rng(seed)
    original = picture(rng, height, width)
    assert np.array_equal(match_colour(original.copy(), original, box(rng, height, width)), original)


@given(SIDES, SIDES, SEEDS, st.tuples(*3 * [st.floats(-MAX_DRIFT, MAX_DRIFT)]))
def test_a_constant_drift_is_taken_out_completely(height, width, seed, drift):
    rng = np.random.default_rng(seed)
    original, mask = picture(rng, height, width), box(rng, height, width)
    mask[0, 0] = 0
    drift = np.clip(np.float32(drift), -0.99 * MAX_DRIFT, 0.99 * MAX_DRIFT)
    assert np.allclose(match_colour(original + drift, original, mask), original, rtol=0, atol=2e-6)


@given(SIDES, SIDES, SEEDS)
def test_where_nothing_lies_outside_the_result_stays(height, width, seed):
    rng = np.random.default_rng(seed)
    result = picture(rng, height, width)
    everything = np.full((height, width), 0.01, np.float32)
    assert np.array_equal(match_colour(result, picture(rng, height, width), everything), result)


@given(SIDES, SIDES, SEEDS)
def test_masked_pixels_never_count(height, width, seed):
    rng = np.random.default_rng(seed)
    original, result, mask = picture(rng, height, width), picture(rng, height, width), box(rng, height, width)
    masked = mask[..., None] > 0
    before = match_colour(result, original, mask) - result
    other_original = np.where(masked, np.float32(np.nan), original)
    other_result = np.where(masked, picture(rng, height, width), result)
    after = match_colour(other_result, other_original, mask) - other_result
    assert np.allclose(after, before, rtol=0, atol=1e-6)


@given(SIDES, SIDES, SEEDS)
def test_the_correction_is_bounded(height, width, seed):
    rng = np.random.default_rng(seed)
    original, mask = picture(rng, height, width), box(rng, height, width)
    result = rng.random((height, width, 3), np.float32)
    matched = match_colour(result, original, mask)
    assert matched.dtype == np.float32
    assert np.abs(matched - result).max() <= MAX_DRIFT + 1e-6
    assert matched.min() >= 0
    assert matched.max() <= 1


def test_new_content_keeps_its_details():
    rng = np.random.default_rng(5)
    original = picture(rng, 256, 256)
    mask = np.zeros((256, 256), np.float32)
    mask[64:192, 64:192] = 1
    slope = np.linspace(-0.06, 0.06, 256, dtype=np.float32)[None, :, None]
    result = np.where(mask[..., None] > 0, picture(rng, 256, 256), original) + slope
    correction = match_colour(result, original, mask) - result
    # nothing but a field without edges
    assert np.abs(np.diff(correction, axis=0)).max() < 0.005
    assert np.abs(np.diff(correction, axis=1)).max() < 0.005
    # that follows the drift: outside, and over the mask's edge
    assert np.allclose(correction[32, :, :], np.broadcast_to(-slope[0], (256, 3)), rtol=0, atol=0.01)
    assert np.allclose(correction[128, 68], -slope[0, 68].repeat(3), rtol=0, atol=0.02)
    assert np.allclose(correction[128, 187], -slope[0, 187].repeat(3), rtol=0, atol=0.02)


def test_what_the_model_paints_past_the_mask_does_not_tint():
    rng = np.random.default_rng(6)
    original = picture(rng, 256, 256)
    mask = np.zeros((256, 256), np.float32)
    mask[64:192, 64:192] = 1
    result = original + np.float32([0.05, 0, -0.03])
    result[64:192, 64:192] = (1, 0, 0)
    # a third of the mask's edge is overgrown
    result[100:150, 40:64] = (1, 0, 0)
    correction = match_colour(result, original, mask) - result
    assert np.allclose(correction[180:192, 64:192, 0], -0.05, rtol=0, atol=0.002)
    assert np.allclose(correction[80:90, 40:64], (-0.05, 0, 0.03), rtol=0, atol=0.002)
    assert np.allclose(correction[120, 40:64], (-0.05, 0, 0.03), rtol=0, atol=0.02)


def test_other_content_all_around_tells_no_drift():
    original = np.zeros((64, 64, 3), np.float32)
    result = np.ones_like(original)
    mask = np.zeros((64, 64), np.float32)
    mask[10:20, 10:20] = 1
    assert np.array_equal(match_colour(result, original, mask), result)
