from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import retrieve_timesteps

from backend.families.adapter import UnknownSampler
from backend.families.schedule import FLOW_SAMPLERS, FlowSchedule, dynamic_shift, empirical_mu, even_sigmas
from backend.families.schedules.beta import beta_quantile, beta_spaced
from backend.families.schedules.flow import flow_sigmas

CPU = torch.device("cpu")
ALL = pytest.mark.parametrize("sampler", FLOW_SAMPLERS)
DYNAMIC = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15, "shift": 3.0}
QWEN = {**DYNAMIC, "max_shift": 0.9, "max_image_seq_len": 8192, "shift": 1.0, "shift_terminal": 0.02}
STATIC = {"shift": 3.0}
SIZES = (64, 256, 1024, 4096, 4300, 4301, 16384)

SHIFTING = [
    "flux.pipeline_flux",
    "flux.pipeline_flux_img2img",
    "z_image.pipeline_z_image",
    "qwenimage.pipeline_qwenimage",
    "ovis_image.pipeline_ovis_image",
    "longcat_image.pipeline_longcat_image",
    "chroma.pipeline_chroma",
    "stable_diffusion_3.pipeline_stable_diffusion_3",
]
REFINING = [
    ("flux.pipeline_flux_img2img", "FluxImg2ImgPipeline"),
    ("flux2.pipeline_flux2_klein_inpaint", "Flux2KleinInpaintPipeline"),
    ("z_image.pipeline_z_image_img2img", "ZImageImg2ImgPipeline"),
    ("qwenimage.pipeline_qwenimage_img2img", "QwenImageImg2ImgPipeline"),
    ("chroma.pipeline_chroma_img2img", "ChromaImg2ImgPipeline"),
    ("stable_diffusion_3.pipeline_stable_diffusion_3_img2img", "StableDiffusion3Img2ImgPipeline"),
]


def module(name):
    return importlib.import_module(f"diffusers.pipelines.{name}")


@pytest.mark.parametrize("name", SHIFTING)
@pytest.mark.parametrize("tokens", SIZES)
@pytest.mark.parametrize("config", [DYNAMIC, QWEN, STATIC], ids=["dynamic", "qwen", "static"])
def test_shift_is_that_of_the_pipelines(name, tokens, config):
    theirs = module(name).calculate_shift(
        tokens,
        config.get("base_image_seq_len", 256),
        config.get("max_image_seq_len", 4096),
        config.get("base_shift", 0.5),
        config.get("max_shift", 1.15),
    )
    assert dynamic_shift(config, tokens) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("name", ["flux2.pipeline_flux2", "flux2.pipeline_flux2_klein"])
@pytest.mark.parametrize("tokens", SIZES)
@pytest.mark.parametrize("steps", [1, 4, 10, 28, 50, 200])
def test_empirical_mu_is_that_of_the_pipelines(name, tokens, steps):
    assert empirical_mu(tokens, steps) == pytest.approx(module(name).compute_empirical_mu(tokens, steps), rel=1e-12)


@pytest.mark.parametrize("steps", [1, 4, 9, 28, 50])
def test_sigmas_are_those_of_the_pipelines(steps):
    assert even_sigmas(steps) == pytest.approx(np.linspace(1.0, 1 / steps, steps), rel=1e-12)
    theirs = module("z_image.pipeline_z_image").get_default_z_image_sigmas(steps)
    assert even_sigmas(steps) == pytest.approx(theirs, abs=1e-7)


@ALL
@pytest.mark.parametrize(
    ("config", "even"),
    [(DYNAMIC, True), (QWEN, True), (STATIC, True), (STATIC, False)],
    ids=["flux", "qwen", "z-image", "sd3"],
)
@pytest.mark.parametrize("steps", [4, 20])
def test_times_are_those_of_the_pipelines(sampler, config, even, steps):
    """Whatever the sampler: what it is called does not change how noisy a family's steps are."""
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(config)
    mu = dynamic_shift(config, 1024)
    sigmas = even_sigmas(steps) if even else None
    if even:
        theirs, _ = retrieve_timesteps(scheduler, None, CPU, sigmas=sigmas, mu=mu)
    else:
        theirs, _ = retrieve_timesteps(scheduler, steps, CPU)
    schedule = FlowSchedule(config, sampler, steps, 1.0, CPU, mu=mu, sigmas=sigmas)
    ours = [schedule.timestep(step) for step in range(schedule.steps)]
    if FLOW_SAMPLERS[sampler].twice:
        assert all(first.equal(second) for first, second in zip(ours[1::2], ours[2::2], strict=True))
        ours = ours[::2]
    assert torch.stack(ours).equal(theirs)


@pytest.mark.parametrize(("name", "pipeline"), REFINING)
@pytest.mark.parametrize("strength", [0.2, 0.29, 0.55, 0.7, 0.999, 1.0])
def test_takes_the_steps_that_diffusers_takes(name, pipeline, strength):
    pipeline_class = getattr(module(name), pipeline)
    pipe = pipeline_class.__new__(pipeline_class)
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(STATIC)
    object.__setattr__(pipe, "scheduler", scheduler)
    retrieve_timesteps(scheduler, None, CPU, sigmas=even_sigmas(10))
    theirs, _ = pipe.get_timesteps(10, strength, CPU)
    ours = FlowSchedule(STATIC, "flow_euler", 10, strength, CPU, sigmas=even_sigmas(10))
    assert [float(ours.timestep(step)) for step in range(ours.steps)] == theirs.tolist()
    generator = torch.Generator().manual_seed(4)
    original, noise = torch.randn(2, 1, 3, 3, generator=generator).unsqueeze(1)
    assert ours.noised(original, noise, 0).equal(scheduler.scale_noise(original, theirs[:1], noise))


@ALL
def test_takes_one_step_at_the_least(sampler):
    assert FlowSchedule(STATIC, sampler, 10, 0.01, CPU).steps == 1


@ALL
@pytest.mark.parametrize(
    "config", [DYNAMIC, QWEN, STATIC, {"use_beta_sigmas": True}], ids=["flux", "qwen", "static", "beta"]
)
@pytest.mark.parametrize("steps", [1, 2, 3, 100])
def test_any_number_of_steps_is_taken(sampler, config, steps):
    schedule = FlowSchedule(config, sampler, steps, 1.0, CPU, mu=0.8, sigmas=even_sigmas(steps))
    assert schedule.steps == FLOW_SAMPLERS[sampler].questions(steps)
    assert float(schedule.timestep(0)) == 1000
    latents = schedule.start(torch.ones(1, 1, 2, 2))
    for step in range(schedule.steps):
        latents, clean = schedule.advance(0.5 * latents, step, latents, [torch.Generator().manual_seed(step)])
    assert torch.isfinite(latents).all()
    assert torch.isfinite(clean).all()


@ALL
@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_a_perfect_denoiser_leads_back_to_the_original(sampler, strength):
    generator = torch.Generator().manual_seed(0)
    original, noise = torch.randn(2, 4, 8, 8, generator=generator).unsqueeze(1)
    schedule = FlowSchedule(STATIC, sampler, 12, strength, CPU)
    latents = schedule.noised(original, noise, 0)
    if strength == 1:
        assert latents.equal(schedule.start(noise))
    for step in range(schedule.steps):
        sigma = schedule.timestep(step) / 1000
        towards = (schedule.model_input(latents, step) - (1 - sigma) * original) / sigma
        latents, clean = schedule.advance(towards - original, step, latents, [generator])
        torch.testing.assert_close(clean, original, atol=1e-4, rtol=0)
    torch.testing.assert_close(latents, original, atol=1e-4, rtol=0)


def test_stochastic_sampling_is_a_sampler_of_its_own():
    """Of a model whose scheduler adds new noise at every step, that is the one called LCM: here it is by name."""
    model = {**STATIC, "stochastic_sampling": True}
    noise = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(model)
    scheduler.set_timesteps(5)
    schedule = FlowSchedule(model, "flow_lcm", 5, 1.0, CPU)
    theirs, ours, draws = noise, noise, [torch.Generator().manual_seed(2) for _ in range(2)]
    for step, time in enumerate(scheduler.timesteps):
        theirs = scheduler.step(0.5 * theirs, time, theirs, generator=draws[0]).prev_sample
        ours, _ = schedule.advance(0.5 * ours, step, ours, draws[1:])
    torch.testing.assert_close(ours, theirs)


def test_unknown_sampler_is_named():
    with pytest.raises(UnknownSampler, match="ddim"):
        FlowSchedule(STATIC, "ddim", 10, 1.0, CPU)


def test_a_missing_shift_is_told_of():
    with pytest.raises(ValueError, match="mu"):
        FlowSchedule(DYNAMIC, "flow_euler", 10, 1.0, CPU)


def test_sigmas_are_one_a_step():
    with pytest.raises(ValueError, match="same length"):
        FlowSchedule(STATIC, "flow_euler", 10, 1.0, CPU, sigmas=even_sigmas(9))


def test_beta_quantiles():
    """As scipy.stats.beta.ppf(share, 0.6, 0.6) of scipy 1.18.1 has them."""
    shares = np.array([0.0, 0.01, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 0.999, 1.0])
    known = [0.0, 0.0008612388215429059, 0.03958440558878085, 0.17568037865269498, 0.3627009907532143, 0.5]
    known += [0.824319621347305, 0.9604155944112192, 0.9999814412614826, 1.0]
    assert beta_quantile(shares) == pytest.approx(known, abs=1e-10)


def test_beta_spacing_keeps_the_ends_and_crowds_there():
    even = flow_sigmas({}, 11, sigmas=even_sigmas(11))
    spaced = beta_spaced(even)
    assert flow_sigmas({"use_beta_sigmas": True}, 11, sigmas=even_sigmas(11)).equal(spaced)
    assert spaced[[0, -2, -1]].tolist() == pytest.approx(even[[0, -2, -1]].tolist(), rel=1e-6)
    lengths = (spaced[:-2] - spaced[1:-1]).tolist()
    assert lengths == pytest.approx(lengths[::-1], rel=1e-4)
    assert lengths[:5] == sorted(lengths[:5])
    assert math.isclose(sum(lengths), float(even[0] - even[-2]), rel_tol=1e-6)
