from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.fill import composite_alpha, denoise_mask
from backend.fill.masks import MAX_EDGE

SIDES = st.integers(1, 64)
SEEDS = st.integers(0, 2**32 - 1)
REACH = st.one_of(st.integers(0, 30), st.integers(0, 150))


@st.composite
def masks(draw):
    """Boxes, dots and lines at random places, borders included, hard or soft or noisy."""
    height, width = draw(SIDES), draw(SIDES)
    rng = np.random.default_rng(draw(SEEDS))
    mask = np.zeros((height, width), np.float32)
    for _ in range(rng.integers(1, 5)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        tall, wide = rng.integers(1, height + 1), rng.integers(1, width + 1)
        if rng.random() < 0.5:
            tall = wide = 1
        mask[top : top + tall, left : left + wide] = rng.choice([1, 1, 0.4])
    if draw(st.booleans()):
        mask *= rng.random(mask.shape, np.float32)
    return mask


def distances_to(chosen):
    """Euclidean distance of each pixel to the nearest chosen one, by looking at all of them."""
    height, width = chosen.shape
    y, x = np.mgrid[:height, :width]
    nearest = np.full(chosen.shape, np.inf)
    for row, column in np.argwhere(chosen):
        np.minimum(nearest, (y - row) ** 2 + (x - column) ** 2, out=nearest)
    return np.sqrt(nearest)


@given(masks(), REACH, REACH)
def test_the_model_may_paint_on_the_mask_and_around_it_but_no_further(mask, grow, feather):
    before = mask.copy()
    painted = denoise_mask(mask, grow, feather)
    assert painted.shape == mask.shape
    assert painted.dtype == np.float32
    assert (painted >= mask).all()
    assert painted.max() <= 1
    assert (painted[distances_to(mask == 1) <= grow] == 1).all()
    assert not painted[distances_to(mask > 0) > grow + feather].any()
    assert np.array_equal(mask, before)


@pytest.mark.parametrize("feather", [1, 4, 16, 47, 48, 72, 100, 150])
@pytest.mark.parametrize("grow", [0, 7])
def test_the_denoising_mask_falls_off_evenly_over_its_feather(grow, feather):
    mask = np.zeros((3, 400), np.float32)
    mask[:, :100] = 1
    row = denoise_mask(mask, grow, feather)[1]
    falling = row[100 + grow : 100 + grow + feather + 1]
    assert (np.diff(row) <= 0).all()
    assert abs(np.diff(row)).max() <= max(6 / feather, 0) + 1e-6
    # in the middle of the feather it is half way down
    assert np.interp(feather / 2 - 0.5, range(len(falling)), falling) == pytest.approx(
        0.5, abs=0.5 if feather < 3 else 0.13
    )


@pytest.mark.parametrize("feather", [0, 12, 60])
def test_the_denoising_mask_is_round(feather):
    mask = np.zeros((161, 161), np.float32)
    mask[80, 80] = 1
    painted = denoise_mask(mask, 20, feather)
    y, x = np.mgrid[-80:81, -80:81]
    radius = np.hypot(y, x)
    ring = painted[(radius > 20 + feather / 2 - 1) & (radius < 20 + feather / 2 + 1)]
    assert ring.max() - ring.min() < (1.1 if feather < 8 else 14 / feather)
    if feather < 48:  # drawn pixel by pixel
        assert np.allclose(painted, painted[::-1, ::-1], rtol=0, atol=2e-6)
        assert np.allclose(painted, painted.T, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("grow", "feather"), [(0, 48), (5, 60), (0, 75), (20, 100), (0, 150)])
@pytest.mark.parametrize("offset", range(7))
def test_a_wide_feather_drawn_small_keeps_its_bounds(grow, feather, offset):
    mask = np.zeros((391, 383), np.float32)
    mask[180 + offset, 190 - offset] = 1
    painted = denoise_mask(mask, grow, feather)
    distances = distances_to(mask == 1)
    assert (painted[distances <= grow] == 1).all()
    assert not painted[distances > grow + feather].any()


@pytest.mark.parametrize("half", [3, 6, 12, 24])
def test_thin_parts_have_a_soft_edge_too(half):
    mask = np.zeros((40, 100), np.float32)
    mask[:, 50 - half : 50 + half] = 1
    alpha = composite_alpha(mask, 25)[20]
    assert alpha[50 - half] < 0.5
    assert alpha[49] == alpha[50] == 1 or half > 12
    assert (np.diff(alpha[:50]) >= 0).all()


def test_the_border_is_no_edge_for_the_denoising_mask():
    mask = np.zeros((40, 60), np.float32)
    mask[:, :30] = 1
    narrow = denoise_mask(mask, 5, 12)
    assert np.array_equal(narrow, np.broadcast_to(narrow[20], narrow.shape))


@given(st.integers(0, 20), st.integers(0, 60))
def test_nothing_masked_stays_nothing(grow, feather):
    empty = np.zeros((9, 5), np.float32)
    assert not denoise_mask(empty, grow, feather).any()
    assert not composite_alpha(empty, grow).any()


@given(masks(), st.integers(0, 80))
@example(np.ones((1, 1), np.float32), 20)
def test_paint_shows_inside_the_mask_only(mask, edge):
    before = mask.copy()
    alpha = composite_alpha(mask, edge)
    assert alpha.dtype == np.float32
    assert (alpha <= mask).all()
    assert (alpha >= 0).all()
    assert (alpha[mask == 0] == 0).all()
    assert np.array_equal(mask, before)


@given(masks())
def test_no_edge_gives_the_mask(mask):
    assert np.array_equal(composite_alpha(mask, 0), mask)


@given(masks(), st.integers(1, MAX_EDGE))
def test_deep_inside_paint_shows_fully_and_no_part_vanishes(mask, edge):
    hard = (mask > 0).astype(np.float32)
    alpha = composite_alpha(hard, edge)
    deep = distances_to(hard == 0)
    assert (alpha[deep >= edge] == 1).all()
    # the deepest point of every part shows fully; nothing that is masked is lost
    if hard.any():
        thickest = deep == deep[hard > 0].max()
        assert (alpha[thickest] == 1).all()
    assert (alpha[hard > 0] > 0).all()


@given(SIDES, SIDES, st.integers(1, 100))
def test_where_all_is_masked_there_is_no_edge(height, width, edge):
    everything = np.ones((height, width), np.float32)
    assert np.array_equal(composite_alpha(everything, edge), everything)


@pytest.mark.parametrize("edge", [1, 2, 5, 16, 40])
def test_a_hard_edge_becomes_a_smooth_rise(edge):
    mask = np.zeros((5, 160), np.float32)
    mask[:, 60:] = 1
    alpha = composite_alpha(mask, edge)[2]
    share = np.clip((np.arange(160) - 59) / edge, 0, 1)
    assert np.allclose(alpha, share**2 * (3 - 2 * share), rtol=0, atol=1e-5)


@pytest.mark.parametrize("edge", [4, 16, 32])
def test_a_soft_mask_is_not_softened_twice(edge):
    ramp = np.clip((np.arange(200) - 50) / (2 * edge), 0, 1).astype(np.float32)
    mask = np.broadcast_to(ramp, (5, 200))
    assert np.allclose(composite_alpha(mask, edge), mask, rtol=0, atol=0.005)


@pytest.mark.parametrize("edge", [8, 25, 64])
def test_dots_and_lines_show_even_beside_something_large(edge):
    mask = np.zeros((200, 300), np.float32)
    mask[20:180, 20:150] = 1
    mask[100, 153] = mask[100, 200] = 1
    mask[20:180, 160:163] = 1
    alpha = composite_alpha(mask, edge)
    assert alpha[100, 153] == alpha[100, 200] == 1
    assert (alpha[22:178, 161] == 1).all()
    assert alpha[100, 20] < 0.1


def test_an_edge_between_two_greys_is_an_edge_too():
    mask = np.full((5, 120), 0.3, np.float32)
    mask[:, 60:] = 1
    alpha = composite_alpha(mask, 20)[2]
    assert np.abs(np.diff(alpha)).max() < 0.3
    assert alpha[20] == np.float32(0.3)
    assert alpha[-20] == 1


@pytest.mark.parametrize("function", [lambda m: denoise_mask(m, 1, 1), lambda m: composite_alpha(m, 1)])
def test_a_mask_has_two_axes(function):
    with pytest.raises(ValueError, match="two axes"):
        function(np.zeros((3, 3, 1), np.float32))


def test_distances_are_not_negative():
    mask = np.ones((3, 3), np.float32)
    for grow, feather in ((-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="at least 0"):
            denoise_mask(mask, grow, feather)
    with pytest.raises(ValueError, match="at least 0"):
        composite_alpha(mask, -1)
