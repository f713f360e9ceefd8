"""Without mask, region or control our loop makes what diffusers' own pipelines make for the same seed, in every family."""

from __future__ import annotations

import pytest
from parity import measures
from parity.cases import those
from parity.measures import distance, ours, sampled

TOLERANCE = 1e-4
"""Of values from 0 to 1, in fp32: a fortieth of a level of 255."""


def test_a_case_says_what_its_adapter_takes(both):
    assert both.adapter.takes_mask == both.case.takes_mask
    assert (both.adapter.references > 0) or not both.case.edits


def test_new_picture(both):
    assert measures.text_to_image(both) <= TOLERANCE


def test_two_pictures_at_once(both):
    assert measures.text_to_image(both, seeds=(11, 12)) <= TOLERANCE


def test_without_guidance(both):
    assert measures.text_to_image(both, guidance=1.0) <= TOLERANCE


@pytest.mark.parametrize(**those(lambda case: bool(case.image_to_image)))
@pytest.mark.parametrize("strength", [0.3, 0.6])
def test_refined_picture(both, strength):
    assert measures.image_to_image(both, strength) <= TOLERANCE


@pytest.mark.parametrize(**those(lambda case: bool(case.fill)))
def test_fill_by_our_mask(both):
    assert measures.fill(both) <= TOLERANCE


@pytest.mark.parametrize(**those(lambda case: case.takes_mask))
def test_refined_fill(both):
    assert measures.refined_fill(both) <= TOLERANCE


def test_parity_is_no_coincidence(both):
    """What the tests above vary does show: another seed or prompt is another picture."""
    base = ours(both, sampled(both))
    assert distance(base, ours(both, sampled(both, seeds=(12,)))) > 10 * TOLERANCE
    assert distance(base, ours(both, sampled(both), prompt="a blue house")) > TOLERANCE / 10
