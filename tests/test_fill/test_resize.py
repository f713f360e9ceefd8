from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.fill import resize
from backend.fill.resize import magnify
from protocol import Extent

SIDES = st.integers(1, 64)
SEEDS = st.integers(0, 2**32 - 1)


@given(SIDES, SIDES, st.sampled_from([None, 1, 3, 4]), SEEDS)
def test_its_own_size_changes_no_bit(height, width, channels, seed):
    shape = (height, width) if channels is None else (height, width, channels)
    array = np.random.default_rng(seed).random(shape, np.float32)
    assert np.array_equal(resize(array, Extent(width, height)), array)


@given(SIDES, SIDES, SIDES, SIDES, SEEDS)
def test_any_size_has_its_shape_and_range_and_keeps_symmetry(height, width, new_height, new_width, seed):
    quarter = np.random.default_rng(seed).choice(np.float32([0, 1]), (height, width, 3))
    array = quarter + quarter[::-1] + quarter[:, ::-1] + quarter[::-1, ::-1]
    array /= max(1, array.max())
    other = resize(array, Extent(new_width, new_height))
    assert other.shape == (new_height, new_width, 3)
    assert other.dtype == np.float32
    assert other.min() >= 0
    assert other.max() <= 1
    assert np.allclose(other, other[::-1], rtol=0, atol=1e-5)
    assert np.allclose(other, other[:, ::-1], rtol=0, atol=1e-5)
    back = resize(other, Extent(width, height))
    assert np.allclose(back, back[::-1, ::-1], rtol=0, atol=1e-5)


@given(SIDES, SIDES, SIDES, SIDES, st.floats(0, 1, width=32))
def test_a_flat_picture_stays_flat(height, width, new_height, new_width, value):
    flat = np.full((height, width), value, np.float32)
    assert np.allclose(resize(flat, Extent(new_width, new_height)), np.float32(value), rtol=0, atol=1e-6)


def blob(side, centre):
    y, x = np.mgrid[:side, :side] + 0.5
    return np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * (side / 16) ** 2)).astype(np.float32)


def centroid(array):
    """In shares of the sides."""
    y, x = np.mgrid[: array.shape[0], : array.shape[1]] + 0.5
    return ((array * y).sum() / array.sum() / array.shape[0], (array * x).sum() / array.sum() / array.shape[1])


@pytest.mark.parametrize("side", [64, 96, 101, 256, 333, 700])
def test_nothing_moves(side):
    picture = blob(200, (80.3, 110.9))
    other = resize(picture, Extent(side, side))
    assert centroid(other) == pytest.approx(centroid(picture), abs=1e-4)
    assert centroid(resize(other, Extent(200, 200))) == pytest.approx(centroid(picture), abs=1e-4)


@pytest.mark.parametrize(("width", "height"), [(40, 30), (64, 48), (111, 97), (200, 20)])
def test_it_agrees_with_another_antialiased_bicubic_filter(width, height):
    torch = pytest.importorskip("torch")
    array = np.random.default_rng(3).random((60, 80, 3), np.float32)
    planes = torch.from_numpy(array).permute(2, 0, 1)[None]
    theirs = torch.nn.functional.interpolate(planes, (height, width), mode="bicubic", antialias=True)
    theirs = theirs[0].permute(1, 2, 0).clamp(0, 1).numpy()
    assert np.allclose(resize(array, Extent(width, height)), theirs, rtol=0, atol=1e-4)


def test_a_fine_pattern_becomes_its_mean_and_not_another_pattern():
    stripes = np.zeros((64, 512), np.float32)
    stripes[:, ::2] = 1
    small = resize(stripes, Extent(150, 64))
    assert np.allclose(small, 0.5, rtol=0, atol=0.06)


def test_a_mask_has_no_ghosts_beside_it():
    mask = np.zeros((20, 20), np.float32)
    mask[:, 10:] = 1
    large = resize(mask, Extent(200, 200))
    assert not large[:, :80].any()


@given(SIDES, SIDES, st.integers(1, 5), SEEDS)
def test_magnified_by_whole_numbers_it_stays_within_its_values_and_keeps_its_mean(height, width, factor, seed):
    array = np.random.default_rng(seed).uniform(-1, 1, (height, width, 2)).astype(np.float32)
    large = magnify(array, factor)
    assert large.shape == (height * factor, width * factor, 2)
    assert large.min() >= array.min()
    assert large.max() <= array.max()
    odd = factor // 2
    if factor % 2:  # the middle of a square is the middle of the pixel it was
        assert np.allclose(large[odd::factor, odd::factor], array, rtol=0, atol=1e-6)
