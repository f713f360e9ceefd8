"""A mask says how much may change: nothing, all, or for how many of the steps, in every family that is not shown the mask itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from parity.measures import our_latents, sampled

from backend.engine.denoise import denoise
from backend.prompts import Prompt

STRENGTHS = [0.6, 1.0]


@pytest.fixture(autouse=True)
def _by_our_mask(both):
    if both.adapter.takes_mask:
        pytest.skip("the denoiser is shown the mask, and keeps to it itself")


def shown(both):
    """What a case that edits is shown."""
    return [both.picture()] if both.case.edits else []


def level(both, value):
    return torch.full_like(both.mask(), value)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_white_mask_is_none(both, strength):
    sampling, picture = sampled(both, strength), both.picture()
    masked = our_latents(both, sampling, picture, level(both, 1.0), shown(both))
    assert torch.equal(masked, our_latents(both, sampling, picture, None, shown(both)))


@pytest.mark.parametrize("strength", STRENGTHS)
def test_black_mask_returns_the_original(both, strength):
    sampling, picture = sampled(both, strength), both.picture()
    encoded = both.adapter.encode_image(picture)
    original = encoded.mean
    if strength < 1:
        original = encoded.sample([torch.Generator("cpu").manual_seed(sampling.seeds[0])])
    assert torch.equal(our_latents(both, sampling, picture, level(both, 0.0), shown(both)), original)


def test_half_a_mask_leaves_the_other_half_alone(both):
    picture, mask = both.picture(), both.mask()
    latents = our_latents(both, sampled(both), picture, mask, shown(both))
    original = both.adapter.encode_image(picture).mean
    half = mask[..., :: both.adapter.latent_scale, :: both.adapter.latent_scale].bool().expand_as(latents)
    assert torch.equal(latents[~half], original[~half])
    assert not torch.isclose(latents[half], original[half]).all()


@pytest.mark.parametrize("strength", STRENGTHS)
def test_soft_mask_keeps_each_latent_for_as_many_steps_as_it_says(both, strength):
    """Each column has a value of its own; the denoiser must see the noised original there for just that long."""
    adapter, extent = both.adapter, both.case.extent
    picture = both.picture()
    original = adapter.encode_image(picture)
    columns = adapter.latent_shape(extent)[-1]
    soft = np.tile(np.linspace(0, 1, columns, dtype=np.float32), (adapter.latent_shape(extent)[-2], 1))
    conditioning = adapter.encode_text(Prompt.of("a house"), None, shown(both))
    beside = adapter.beside(picture, None, shown(both), extent)

    def seen_with(mask):
        seen = []

        class Watch:
            def __getattr__(self, name):
                return getattr(adapter, name)

            def predict(self, latents, *others):
                seen.append(latents[0].clone())
                return adapter.predict(latents, *others)

        for _ in denoise(Watch(), conditioning, sampled(both, strength, guidance=1.0), extent, original, mask, beside):
            pass
        return seen

    painted, untouched = seen_with(soft), seen_with(np.zeros_like(soft))
    steps = len(painted)
    same = torch.stack([(one == other).all(dim=0).all(dim=0) for one, other in zip(painted, untouched, strict=True)])
    for column, value in enumerate(soft[0]):
        expected = math.floor(steps * (1 - float(value)) + 0.5)
        # at the first step all is noise yet, and what stays is not told from what does not
        assert int(same[1:, column].sum()) == max(0, expected - 1), f"column {column} of value {value}"
