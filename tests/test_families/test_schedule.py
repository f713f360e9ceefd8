from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import retrieve_timesteps

from backend.families.adapter import UnknownSampler
from backend.families.facts import FAMILIES
from backend.families.schedule import SAMPLERS, DiffusionSchedule

CPU = torch.device("cpu")
STABLE_DIFFUSION = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "steps_offset": 1,
    "clip_sample": False,
}
EMBEDDED = {
    **STABLE_DIFFUSION,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}
CONFIGS = pytest.mark.parametrize("config", [STABLE_DIFFUSION, EMBEDDED], ids=["epsilon", "velocity"])
ALL = pytest.mark.parametrize("sampler", SAMPLERS)


def test_every_sampler_of_the_family_is_there():
    assert set(FAMILIES["sd1"].samplers) == set(SAMPLERS)
    assert FAMILIES["sd1"].sampler in SAMPLERS


def test_unknown_sampler_is_named():
    with pytest.raises(UnknownSampler, match="magic"):
        DiffusionSchedule(STABLE_DIFFUSION, "magic", 10, 1.0, CPU)


@ALL
@pytest.mark.parametrize("strength", [0.2, 0.29, 0.7, 0.999, 1.0])
def test_takes_the_steps_that_diffusers_takes(sampler, strength):
    scheduler_class, settings = SAMPLERS[sampler]
    pipeline = StableDiffusionImg2ImgPipeline.__new__(StableDiffusionImg2ImgPipeline)
    object.__setattr__(pipeline, "scheduler", scheduler_class.from_config(STABLE_DIFFUSION, **settings))
    retrieve_timesteps(pipeline.scheduler, 10, CPU)
    theirs, _ = pipeline.get_timesteps(10, strength, CPU)
    ours = DiffusionSchedule(STABLE_DIFFUSION, sampler, 10, strength, CPU)
    assert [float(ours.timestep(step)) for step in range(ours.steps)] == [float(time) for time in theirs]


@ALL
def test_noise_falls_at_every_step_also_where_times_repeat(sampler):
    """Karras' spacing in whole time steps repeats some of them; each is a step of its own all the same."""
    schedule = DiffusionSchedule(STABLE_DIFFUSION, sampler, 80, 1.0, CPU)
    latents, one = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    noises = []
    for step in range(schedule.steps):
        noisy, clear = (schedule.noised(*pair, step).item() for pair in ((0 * one, one), (one, 0 * one)))
        noises.append(noisy / clear)
        latents, _ = schedule.advance(0 * one, step, latents, torch.Generator().manual_seed(0))
    assert all(more > less for more, less in pairwise(noises))


@ALL
@CONFIGS
def test_a_perfect_denoiser_leads_back_to_the_original(sampler, config):
    """Told the truth about the noise at each step, every sampler must end at the clean latents it set out from."""
    original = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(2)
    schedule = DiffusionSchedule(config, sampler, 12, 0.75, CPU)
    latents = schedule.noised(original, noise, 0)
    for step in range(schedule.steps):
        alpha, sigma = _alpha_sigma(schedule, original, noise, step)
        seen = schedule.model_input(latents, step)
        towards = (seen - alpha * original) / sigma
        output = towards if config is STABLE_DIFFUSION else alpha * towards - sigma * original
        latents, clean = schedule.advance(output, step, latents, generator)
        assert torch.allclose(clean, original, atol=2e-3), f"step {step}"
    assert torch.allclose(latents, original, atol=0.05)


def _alpha_sigma(schedule, original, noise, step):
    """The two factors in "seen = alpha * original + sigma * noise", as the schedule's own noising shows them."""
    zero, one = torch.zeros_like(original), torch.ones_like(original)
    alpha = schedule.model_input(schedule.noised(one, zero, step), step).flatten()[0]
    sigma = schedule.model_input(schedule.noised(zero, one, step), step).flatten()[0]
    assert abs(float(alpha**2 + sigma**2) - 1) < 1e-3, "the denoiser wants latents of unit variance"
    return alpha, sigma
