from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.fill.morphology import blur, depth, dilate, levels_above

SIDES = st.integers(1, 24)
SEEDS = st.integers(0, 2**32 - 1)


def grey(height, width, seed):
    """Mostly flat at a few values, so that edges, dots and holes come about."""
    rng = np.random.default_rng(seed)
    return rng.choice(np.float32([0, 0, 0, 0.3, 1, 1]), (height, width))


def squared_distances(height, width):
    """Between each pixel (first two axes) and each other (last two)."""
    y, x = np.mgrid[:height, :width]
    return (y[:, :, None, None] - y) ** 2 + (x[:, :, None, None] - x) ** 2


@given(SIDES, SIDES, SEEDS, st.floats(0, 40))
def test_dilation_is_the_greatest_within_a_disc(height, width, seed, radius):
    levels = levels_above(grey(height, width, seed))
    near = squared_distances(height, width) <= radius * radius
    assert np.array_equal(dilate(levels, radius), np.where(near, levels, 0).max(axis=(2, 3)))


@given(SIDES, SIDES, SEEDS, st.integers(1, 30))
def test_depth_is_the_erosion_by_a_paraboloid(height, width, seed, reach):
    mask = grey(height, width, seed)
    raised = mask + squared_distances(height, width) / reach**2
    wanted = reach * np.sqrt(raised.min(axis=(2, 3)))
    assert np.allclose(depth(mask, reach), wanted, rtol=0, atol=1e-4)


@given(SIDES, SIDES, SEEDS, st.integers(1, 30))
def test_depth_of_a_hard_mask_is_the_distance_to_what_is_not_masked(height, width, seed, reach):
    mask = (grey(height, width, seed) > 0.5).astype(np.float32)
    distances = np.where(mask == 0, squared_distances(height, width), np.inf).min(axis=(2, 3))
    assert np.allclose(depth(mask, reach), np.minimum(np.sqrt(distances), reach), rtol=0, atol=1e-4)


@given(SIDES, SIDES, st.sampled_from([0.0, 0.25, 1.0]), st.integers(0, 40))
def test_blur_leaves_flat_masks_exact(height, width, value, reach):
    flat = np.full((height, width), value, np.float32)
    assert np.array_equal(blur(flat, reach), flat)


@pytest.mark.parametrize("reach", range(12))
def test_blur_is_a_tent_that_reaches_just_so_far(reach):
    dot = np.zeros((41, 41), np.float32)
    dot[20, 20] = 1
    blurred = blur(dot, reach)
    boxes = [np.full(2 * radius + 1, 1 / (2 * radius + 1)) for radius in (reach // 2, reach - reach // 2)]
    tent = np.pad(np.convolve(*boxes), 20 - reach)
    assert np.allclose(blurred, np.outer(tent, tent), rtol=0, atol=4e-6)
    assert np.array_equal(blurred, blurred[::-1, ::-1])


@given(SIDES, SIDES, SEEDS)
def test_levels_never_lose(height, width, seed):
    mask = np.random.default_rng(seed).random((height, width), np.float32)
    levels = levels_above(mask)
    assert (levels >= mask * np.float32(255)).all()
    assert (levels - mask * 255 < 1).all()
    assert levels_above(np.float32([[0, 1]])).tolist() == [[0, 255]]
