"""Without mask, region or control our loop makes what diffusers' own pipelines make for the same seed, in every family."""

from __future__ import annotations

import pytest
from parity import measures
from parity.measures import distance, ours, sampled

TOLERANCE = 1e-4
"""Of values from 0 to 1, in fp32: a fortieth of a level of 255."""


def test_new_picture(both):
    assert measures.text_to_image(both) <= TOLERANCE


def test_two_pictures_at_once(both):
    assert measures.text_to_image(both, seeds=(11, 12)) <= TOLERANCE


def test_without_guidance(both):
    assert measures.text_to_image(both, guidance=1.0) <= TOLERANCE


@pytest.mark.parametrize("strength", [0.3, 0.6])
def test_refined_picture(both, strength):
    if not both.case.image_to_image:
        pytest.skip("diffusers has no image-to-image for it")
    assert measures.image_to_image(both, strength) <= TOLERANCE


def test_fill_by_our_mask(both):
    if not both.case.fill:
        pytest.skip("diffusers has no fill for it, or by another method")
    assert measures.fill(both) <= TOLERANCE


def test_refined_fill(both):
    if not both.adapter.takes_mask:
        pytest.skip("it is not shown the mask")
    assert measures.refined_fill(both) <= TOLERANCE


def test_parity_is_no_coincidence(both):
    """What the tests above vary does show: another seed or prompt is another picture."""
    base = ours(both, sampled(both))
    assert distance(base, ours(both, sampled(both, seeds=(12,)))) > 10 * TOLERANCE
    assert distance(base, ours(both, sampled(both), prompt="a blue house")) > TOLERANCE / 10
