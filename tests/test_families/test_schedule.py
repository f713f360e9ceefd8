from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import retrieve_timesteps

from backend.families.adapter import UnknownSampler
from backend.families.facts import FAMILIES
from backend.families.schedule import FLOW_SAMPLERS, SAMPLERS, DiffusionSchedule
from backend.families.schedules.diffusion import make_scheduler

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
PICTURE = {**STABLE_DIFFUSION, "prediction_type": "sample"}
CONFIGS = pytest.mark.parametrize(
    "config", [STABLE_DIFFUSION, EMBEDDED, PICTURE], ids=["epsilon", "velocity", "sample"]
)
ALL = pytest.mark.parametrize("sampler", SAMPLERS)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_sampler_of_the_family_is_there(family):
    table = FLOW_SAMPLERS if family.sampler in FLOW_SAMPLERS else SAMPLERS
    assert list(family.samplers) == list(table)
    assert family.sampler in table


def test_tables_are_kept_by_their_ids():
    assert not set(SAMPLERS) & set(FLOW_SAMPLERS)
    for table in (SAMPLERS, FLOW_SAMPLERS):
        assert all(sampler.id == key for key, sampler in table.items())
        assert len({sampler.title for sampler in table.values()}) == len(table)


def test_unknown_sampler_is_named():
    with pytest.raises(UnknownSampler, match="magic"):
        DiffusionSchedule(STABLE_DIFFUSION, "magic", 10, 1.0, CPU)


@ALL
@pytest.mark.parametrize("strength", [0.2, 0.29, 0.7, 0.999, 1.0])
def test_takes_the_steps_that_diffusers_takes(sampler, strength):
    pipeline = StableDiffusionImg2ImgPipeline.__new__(StableDiffusionImg2ImgPipeline)
    object.__setattr__(pipeline, "scheduler", make_scheduler(STABLE_DIFFUSION, sampler, 10))
    retrieve_timesteps(pipeline.scheduler, 10, CPU)
    theirs, _ = pipeline.get_timesteps(10, strength, CPU)
    ours = DiffusionSchedule(STABLE_DIFFUSION, sampler, 10, strength, CPU)
    assert [float(ours.timestep(step)) for step in range(ours.steps)] == [float(time) for time in theirs]


@ALL
def test_takes_one_step_at_the_least(sampler):
    assert DiffusionSchedule(STABLE_DIFFUSION, sampler, 10, 0.01, CPU).steps == 1


@ALL
def test_noise_falls_at_every_step_also_where_times_repeat(sampler):
    """Karras' spacing in whole time steps repeats some of them; each is a step of its own all the same."""
    schedule = DiffusionSchedule(STABLE_DIFFUSION, sampler, 80, 1.0, CPU)
    latents, one = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    noises = []
    for step in range(schedule.steps):
        noisy, clear = (schedule.noised(*pair, step).item() for pair in ((0 * one, one), (one, 0 * one)))
        noises.append(noisy / clear)
        latents, _ = schedule.advance(0 * one, step, latents, [torch.Generator().manual_seed(0)])
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
        output = {
            "epsilon": towards,
            "v_prediction": alpha * towards - sigma * original,
            "sample": original,
        }[config.get("prediction_type", "epsilon")]
        latents, clean = schedule.advance(output, step, latents, [generator])
        assert torch.allclose(clean, original, atol=2e-3), f"step {step}"
    assert torch.allclose(latents, original, atol=0.05)


def _alpha_sigma(schedule, original, noise, step):
    """The two factors in "seen = alpha * original + sigma * noise", as the schedule's own noising shows them."""
    zero, one = torch.zeros_like(original), torch.ones_like(original)
    alpha = schedule.model_input(schedule.noised(one, zero, step), step).flatten()[0]
    sigma = schedule.model_input(schedule.noised(zero, one, step), step).flatten()[0]
    assert abs(float(alpha**2 + sigma**2) - 1) < 1e-3, "the denoiser wants latents of unit variance"
    return alpha, sigma


# 1 to 9: of models distilled to a few steps. 61 and 103: numpy's arange gives diffusers one trailing step too many. 600: more than half of all times. 1000: all of them.
@ALL
@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 9, 10, 50, 51, 61, 103, 600, 1000])
def test_any_number_of_steps_is_taken(sampler, spacing, steps):
    config = {**STABLE_DIFFUSION, "timestep_spacing": spacing}
    schedule = DiffusionSchedule(config, sampler, steps, 1.0, CPU)
    times = [float(schedule.timestep(step)) for step in range(schedule.steps)]
    assert schedule.steps == SAMPLERS[sampler].questions(steps)
    assert all(0 <= time <= 999 for time in times)
    assert times[0] >= 890


@ALL
@pytest.mark.parametrize(
    ("spacing", "steps"),
    [("leading", 1), ("leading", 2), ("linspace", 3), ("trailing", 61), ("trailing", 103), ("leading", 1000)],
)
def test_any_number_of_steps_ends_in_numbers(sampler, spacing, steps):
    """Times that repeat, or one before the first, would end in a division by nothing."""
    schedule = DiffusionSchedule({**STABLE_DIFFUSION, "timestep_spacing": spacing}, sampler, steps, 1.0, CPU)
    latents = schedule.start(torch.ones(1, 1, 2, 2))
    for step in range(schedule.steps):
        seen = schedule.model_input(latents, step)
        latents, clean = schedule.advance(0.5 * seen, step, latents, [torch.Generator().manual_seed(step)])
    assert torch.isfinite(latents).all()
    assert torch.isfinite(clean).all()


@pytest.mark.parametrize("spacing", ["leading", "linspace", "trailing"])
@pytest.mark.parametrize("steps", [7, 10, 30, 60, 91, 150])
def test_ddim_lands_at_the_times_that_it_tells(spacing, steps):
    """diffusers' own does where the times are apart by 1000 // steps; elsewhere noise would be left over at every step."""
    schedule = DiffusionSchedule({**STABLE_DIFFUSION, "timestep_spacing": spacing}, "ddim", steps, 1.0, CPU)
    original, noise = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    latents = schedule.noised(original, noise, 0)
    for step in range(schedule.steps - 1):
        before = schedule.noised(original, noise, step)
        latents, _ = schedule.advance(noise, step, before, [])
        told = schedule.noised(original, noise, step + 1)
        assert abs((latents - told) / (before - told)).item() < 0.05


@ALL
def test_a_model_says_how_it_was_trained_and_not_how_it_is_sampled(sampler):
    """Saved with another sampler's settings, it is sampled as the painter's choice says."""
    settings = {
        "_class_name": "DPMSolverMultistepScheduler",
        "use_karras_sigmas": True,
        "use_exponential_sigmas": True,
        "algorithm_type": "sde-dpmsolver++",
        "solver_order": 3,
        "final_sigmas_type": "sigma_min",
        "thresholding": True,
        "interpolation_type": "log_linear",
    }
    assert _painted({**STABLE_DIFFUSION, **settings}, sampler).equal(_painted(STABLE_DIFFUSION, sampler))


def _painted(config, sampler):
    schedule = DiffusionSchedule(config, sampler, 8, 1.0, CPU)
    latents = schedule.start(torch.linspace(-1, 1, 16).reshape(1, 1, 4, 4))
    for step in range(schedule.steps):
        seen = schedule.model_input(latents, step)
        latents, _ = schedule.advance(0.7 * seen, step, latents, [torch.Generator().manual_seed(step)])
    return latents


@ALL
def test_start_in_the_middle_is_as_noisy_as_the_middle(sampler):
    schedule = DiffusionSchedule(STABLE_DIFFUSION, sampler, 10, 0.5, CPU)
    noise = torch.ones(1, 1, 2, 2)
    assert schedule.start(noise).equal(schedule.noised(torch.zeros_like(noise), noise, 0))
    whole = DiffusionSchedule(STABLE_DIFFUSION, sampler, 10, 1.0, CPU)
    assert (whole.start(noise) > schedule.start(noise)).all()
