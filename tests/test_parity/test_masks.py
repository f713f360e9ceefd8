"""A mask says how much may change: nothing, all, or for how many of the steps, in every family that is not shown the mask itself."""

from __future__ import annotations

import pytest
import torch
from parity.cases import those
from parity.masks import black_is_not_kept, references, soft_is_not_timed, white_is_not_none
from parity.measures import our_latents, sampled

STRENGTHS = [0.6, 1.0]


pytestmark = pytest.mark.parametrize(**those(lambda case: not case.takes_mask))


@pytest.mark.parametrize("strength", STRENGTHS)
def test_white_mask_is_none(both, strength):
    assert white_is_not_none(both, strength) == 0


@pytest.mark.parametrize("strength", STRENGTHS)
def test_black_mask_returns_the_original(both, strength):
    assert black_is_not_kept(both, strength) == 0


@pytest.mark.parametrize("strength", STRENGTHS)
def test_soft_mask_keeps_each_latent_for_as_many_steps_as_it_says(both, strength):
    assert soft_is_not_timed(both, strength) == 0


def test_half_a_mask_leaves_the_other_half_alone(both):
    picture, mask = both.picture(), both.mask()
    latents = our_latents(both, sampled(both), picture, mask, references(both))
    original = both.adapter.encode_image(picture).mean
    half = mask[..., :: both.adapter.latent_scale, :: both.adapter.latent_scale].bool().expand_as(latents)
    assert torch.equal(latents[~half], original[~half])
    assert not torch.isclose(latents[half], original[half]).all()
