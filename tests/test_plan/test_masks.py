"""Grow, feather and edge: gentle, bounded, and the painter's where the painter says so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.plan import make_plan
from protocol import MAX_MASK_REACH, Bounds, Extent


def mask_of(job_of, facts, width, height, **fields):
    return make_plan(job_of(Extent(8000, 8000), Bounds(10, 10, width, height), **fields), facts).mask


@given(st.integers(1, 7990), st.integers(1, 7990))
def test_defaults_keep_a_solid_core_and_reach_little(facts, job_of, width, height):
    mask = mask_of(job_of, facts, width, height)
    assert mask.feather <= min(64, min(width, height) / 20 + 0.5)
    assert mask.grow <= mask.feather / 2 + 0.5
    assert 2 * mask.edge <= min(width, height) / 2
    assert mask.edge <= mask.feather / 2


def test_defaults_are_gentler_than_a_tenth_of_the_diagonal(facts, job_of):
    mask = mask_of(job_of, facts, 512, 512)
    assert (mask.grow, mask.feather, mask.edge) == (13, 26, 13)


def test_a_long_thin_selection_is_not_dissolved(facts, job_of):
    assert mask_of(job_of, facts, 2000, 20).feather == 1


def test_one_pixel_is_painted(facts, job_of):
    plan = make_plan(job_of(Extent(512, 512), Bounds(511, 0, 1, 1)), facts)
    assert (plan.mask.grow, plan.mask.feather, plan.mask.edge) == (0, 0, 0)
    assert plan.crop.contains(Bounds(511, 0, 1, 1))


@given(st.integers(0, MAX_MASK_REACH), st.integers(0, MAX_MASK_REACH))
def test_the_painters_numbers_stand(facts, job_of, grow, feather):
    mask = mask_of(job_of, facts, 400, 400, grow=grow, feather=feather)
    assert (mask.grow, mask.feather) == (grow, feather)
    assert mask.edge == min(feather // 2, 100)


def test_grow_follows_the_painters_feather(facts, job_of):
    assert mask_of(job_of, facts, 400, 400, feather=33).grow == 17


@pytest.mark.parametrize(("strength", "prefill"), [(1.0, "blur"), (0.99, "none"), (0.3, "none")])
def test_only_new_content_is_prefilled(facts, job_of, strength, prefill):
    plan = make_plan(job_of(Extent(512, 512), Bounds(0, 0, 99, 99), strength=strength), facts)
    assert plan.prefill == prefill
    assert plan.image is not None
