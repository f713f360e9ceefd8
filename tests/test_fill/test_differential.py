from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.fill import kept, to_latent_mask

STEPS = st.integers(1, 60)


@given(st.floats(0, 1), STEPS)
def test_a_value_is_kept_in_as_many_steps_as_it_says_and_then_free(value, steps):
    mask = np.full((1, 1), value, np.float32)
    held = [bool(kept(mask, step, steps)) for step in range(steps)]
    assert held == sorted(held, reverse=True)
    assert abs(sum(held) - (1 - float(mask[0, 0])) * steps) <= 0.5
    assert bool(kept(mask, steps, steps)) == all(held)


@given(STEPS)
def test_the_ends_are_exact(steps):
    mask = np.float32([[0, 1]])
    for step in range(steps + 1):
        assert kept(mask, step, steps).tolist() == [[True, False]]


@given(STEPS)
def test_whole_shares_are_exact(steps):
    mask = (np.arange(steps + 1) / steps).astype(np.float32)
    held = sum(kept(mask, step, steps).astype(int) for step in range(steps))
    assert held.tolist() == list(range(steps, -1, -1))


@given(STEPS, st.integers(0, 2**32 - 1))
def test_more_mask_is_never_kept_longer(steps, seed):
    mask = np.sort(np.random.default_rng(seed).random(50, np.float32))
    for step in range(steps + 1):
        held = kept(mask, step, steps)
        assert held.dtype == bool
        assert held.tolist() == sorted(held.tolist(), reverse=True)


@pytest.mark.parametrize(("step", "steps"), [(-1, 4), (5, 4), (0, 0)])
def test_steps_that_are_not_there(step, steps):
    with pytest.raises(ValueError, match="step must lie"):
        kept(np.zeros((1, 1), np.float32), step, steps)


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 2, 8, 16]), st.integers(0, 2**32 - 1))
def test_a_latent_changes_as_much_as_any_of_its_pixels(rows, columns, scale, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((rows * scale, columns * scale), np.float32) * (
        rng.random((rows * scale, columns * scale)) < 0.02
    )
    latents = to_latent_mask(mask, scale)
    assert latents.shape == (rows, columns)
    for row in range(rows):
        for column in range(columns):
            covered = mask[row * scale : (row + 1) * scale, column * scale : (column + 1) * scale]
            assert latents[row, column] == covered.max()


def test_latents_must_cover_the_mask():
    with pytest.raises(ValueError, match="12 x 16 does not fall into latents of 8"):
        to_latent_mask(np.zeros((16, 12), np.float32), 8)
