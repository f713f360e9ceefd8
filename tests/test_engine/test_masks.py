"""Differential diffusion: how long each part of the original stays."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from backend.engine.denoise import Sampling, denoise
from backend.prompts import Prompt

STEPS = 8
SAMPLERS = ["ddim", "euler", "euler_a", "dpmpp_2m_karras", "unipc"]


class Watch:
    """An adapter that remembers what its denoiser was shown."""

    def __init__(self, adapter) -> None:
        self._adapter = adapter
        self.seen: list[torch.Tensor] = []
        self.times: list[float] = []

    def __getattr__(self, name):
        return getattr(self._adapter, name)

    def predict(self, latents, timestep, conditioning, guidance, beside=None):
        self.seen.append(latents[0].clone())
        self.times.append(float(timestep))
        return self._adapter.predict(latents, timestep, conditioning, guidance, beside)


def latent_mask(both, value):
    return np.full(both.adapter.latent_shape(both.extent)[-2:], value, np.float32)


def last_latents(both, sampling, original=None, mask=None):
    conditioning = both.adapter.encode_text(Prompt.of("a house"), None)
    *_, last = denoise(both.adapter, conditioning, sampling, both.extent, original, mask)
    return last.latents


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_white_mask_is_image_to_image(both, sampler):
    sampling = Sampling(sampler, STEPS, 1.0, 0.8, seeds=(3,))
    original = both.adapter.encode_image(both.picture())
    masked = last_latents(both, sampling, original, latent_mask(both, 1))
    assert torch.equal(masked, last_latents(both, sampling, original))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_white_mask_at_full_strength_is_a_new_picture(both, sampler):
    sampling = Sampling(sampler, STEPS, 1.0, 1.0, seeds=(4,))
    original = both.adapter.encode_image(both.picture())
    masked = last_latents(both, sampling, original, latent_mask(both, 1))
    assert torch.equal(masked, last_latents(both, sampling))


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("strength", [0.8, 1.0])
def test_black_mask_returns_the_original(starter, sampler, strength):
    # the embedded model's VAE has one latent per picture, so "the original" is a single tensor
    original = starter.adapter.encode_image(starter.picture())
    latents = last_latents(
        starter, Sampling(sampler, STEPS, 1.0, strength, seeds=(5,)), original, latent_mask(starter, 0)
    )
    assert torch.equal(latents, original.mean)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_soft_mask_keeps_for_as_many_steps_as_it_says(starter, sampler, strength):
    """Each column has a value of its own; the denoiser must see the noised original there for just that long."""
    original = starter.adapter.encode_image(starter.picture())
    mask = latent_mask(starter, 0)
    mask[:] = np.linspace(0, 1, mask.shape[1])
    sampling = Sampling(sampler, STEPS, 1.0, strength, seeds=(6,))
    conditioning = starter.adapter.encode_text(Prompt.of("a house"), None)

    def run(latent_mask):
        watch = Watch(starter.adapter)
        for _ in denoise(watch, conditioning, sampling, starter.extent, original, latent_mask):
            pass
        return watch.seen

    painted, untouched = run(mask), run(latent_mask(starter, 0))
    steps = len(painted)
    same = torch.stack([(one == other).all(dim=0).all(dim=0) for one, other in zip(painted, untouched, strict=True)])
    for column, value in enumerate(mask[0]):
        expected = math.floor(steps * (1 - float(value)) + 0.5)
        # at the first step all is noise yet, and what stays is not told from what does not
        assert int(same[1:, column].sum()) == max(0, expected - 1), f"column {column} of value {value}"


@pytest.mark.parametrize("sampler", ["ddim", "euler", "euler_a", "unipc"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_what_is_kept_is_noised_by_the_models_own_betas(starter, sampler, strength):
    """x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) noise (Ho et al. 2020, arXiv 2006.11239, equation 4), with the seed's own noise."""
    original = starter.adapter.encode_image(starter.picture())
    conditioning = starter.adapter.encode_text(Prompt.of("a house"), None)
    noise = torch.randn(original.mean.shape, generator=torch.Generator().manual_seed(8))
    alphas = starter.pipeline.scheduler.alphas_cumprod
    watch = Watch(starter.adapter)
    sampling = Sampling(sampler, STEPS, 1.0, strength, seeds=(8,))
    for _ in denoise(watch, conditioning, sampling, starter.extent, original, latent_mask(starter, 0)):
        pass
    assert len(watch.seen) == STEPS * strength
    for seen, time in zip(watch.seen, watch.times, strict=True):
        share = alphas[int(time)]
        assert torch.allclose(seen, (share.sqrt() * original.mean + (1 - share).sqrt() * noise)[0], atol=2e-3)


def test_partial_mask_leaves_the_unmasked_part_alone(starter):
    original = starter.adapter.encode_image(starter.picture())
    mask = latent_mask(starter, 0)
    mask[:, : mask.shape[1] // 2] = 1
    latents = last_latents(starter, Sampling("ddim", STEPS, 1.0, 1.0, seeds=(7,)), original, mask)
    masked = torch.from_numpy(mask > 0).expand_as(latents)
    assert torch.equal(latents[~masked], original.mean[~masked])
    assert not torch.isclose(latents[masked], original.mean[masked]).all()


def test_mask_of_another_size_is_refused(starter):
    original = starter.adapter.encode_image(starter.picture())
    with pytest.raises(ValueError, match="latent pixels"):
        last_latents(starter, Sampling("ddim", 2, 1.0, 1.0, seeds=(0,)), original, np.ones((3, 3), np.float32))


def test_stopping_takes_no_further_step(tiny):
    watch = Watch(tiny.adapter)
    conditioning = tiny.adapter.encode_text(Prompt.of("a house"), None)
    for step in denoise(watch, conditioning, Sampling("ddim", STEPS, 1.0, 1.0, seeds=(0,)), tiny.extent):
        if step.number == 3:
            break
    assert len(watch.seen) == 3
