"""The same numbers as from diffusers' schedulers, used as its pipelines use them."""

from __future__ import annotations

import diffusers
import pytest
import torch
from gaussian import EPSILON, VELOCITY

from backend.families.schedule import FLOW_SAMPLERS, SAMPLERS, DiffusionSchedule, FlowSchedule, even_sigmas

CPU = torch.device("cpu")
STEPS = 12
"""Of fewer, diffusers' leading spacing begins far below pure noise, and ours does not."""
SEED = 21
OURS_ALONE = {"dpmpp_sde_karras", "flow_dpmpp_2m", "flow_dpmpp_2m_sde"}
"""diffusers has the first only with torchsde, and for the others steps of its own choice; see test_formulas."""

STABLE_DIFFUSION_XL = {**EPSILON, "timestep_spacing": "leading", "steps_offset": 1}
NOISE = {
    "ddim": lambda config: diffusers.DDIMScheduler.from_config(config, clip_sample=False),
    "euler": lambda config: diffusers.EulerDiscreteScheduler.from_config(config),
    "euler_a": lambda config: diffusers.EulerAncestralDiscreteScheduler.from_config(config),
    "dpmpp_2m_karras": lambda config: diffusers.DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=True),
    "dpmpp_2m_sde_karras": lambda config: diffusers.DPMSolverMultistepScheduler.from_config(
        config, use_karras_sigmas=True, algorithm_type="sde-dpmsolver++"
    ),
    "unipc": lambda config: diffusers.UniPCMultistepScheduler.from_config(config),
    "lcm": lambda config: diffusers.LCMScheduler.from_config(config),
}
SD3 = {"shift": 3.0}
FLOWS = {
    "flow_euler": (lambda: diffusers.FlowMatchEulerDiscreteScheduler(**SD3), {}),
    "flow_heun": (lambda: diffusers.FlowMatchHeunDiscreteScheduler(**SD3), {}),
    "flow_lcm": (lambda: diffusers.FlowMatchLCMScheduler(**SD3), {}),
    "flow_unipc": (
        lambda: diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        {"sigmas": even_sigmas(STEPS)},
    ),
}


def noise():
    generator = torch.Generator().manual_seed(SEED)
    return torch.randn(1, 4, 6, 6, generator=generator), generator


def said(seen):
    return 0.6 * seen.roll(1, -1)


def theirs(scheduler, **spacing):
    latents, generator = noise()
    scheduler.set_timesteps(STEPS if "sigmas" not in spacing else None, **spacing)
    latents = latents * getattr(scheduler, "init_noise_sigma", 1.0)
    for time in scheduler.timesteps:
        seen = scheduler.scale_model_input(latents, time) if hasattr(scheduler, "scale_model_input") else latents
        draws = {"generator": generator} if "generator" in scheduler.step.__code__.co_varnames else {}
        latents = scheduler.step(said(seen), time, latents, **draws).prev_sample
    return latents


def ours(schedule):
    latents, generator = noise()
    latents = schedule.start(latents)
    for step in range(schedule.steps):
        seen = schedule.model_input(latents, step)
        latents, _ = schedule.advance(said(seen), step, latents, [generator])
    return latents


def test_all_samplers_are_here_or_elsewhere():
    assert set(NOISE) | set(FLOWS) | OURS_ALONE == set(SAMPLERS) | set(FLOW_SAMPLERS)


@pytest.mark.parametrize("config", [STABLE_DIFFUSION_XL, VELOCITY], ids=["epsilon", "velocity"])
@pytest.mark.parametrize("sampler", NOISE)
def test_noise(sampler, config):
    assert ours(DiffusionSchedule(config, sampler, STEPS, 1.0, CPU)).equal(theirs(NOISE[sampler](config)))


@pytest.mark.parametrize("sampler", FLOWS)
def test_flow(sampler):
    make, spacing = FLOWS[sampler]
    found = ours(FlowSchedule(SD3, sampler, STEPS, 1.0, CPU, **spacing))
    torch.testing.assert_close(found, theirs(make(), **spacing), rtol=1e-6, atol=1e-6)
