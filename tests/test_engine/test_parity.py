"""Without mask, region or control our loop makes what diffusers' own pipelines make for the same seed."""

from __future__ import annotations

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

from backend.engine.denoise import Sampling, denoise, is_guided
from backend.prompts import Prompt

TOLERANCE = 1e-4
PROMPT, NEGATIVE = "a red apple on a white background", "blue"

PIPELINE_SCHEDULERS = {
    "euler": (EulerDiscreteScheduler, {}),
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "unipc": (UniPCMultistepScheduler, {}),
}


def paint(both, sampling, picture=None, mask=None):
    """Our picture, 0 to 1, as the pipelines return theirs."""
    conditioning = both.adapter.encode_text(
        Prompt.of(PROMPT), Prompt.of(NEGATIVE) if is_guided(both.adapter, sampling.guidance) else None
    )
    original = None if picture is None else both.adapter.encode_image(picture)
    *_, last = denoise(both.adapter, conditioning, sampling, both.extent, original, mask)
    return (both.adapter.decode(last.latents) / 2 + 0.5).clamp(0, 1)


def pipeline_paints(both, sampling):
    return both.pipeline(
        PROMPT,
        negative_prompt=NEGATIVE,
        width=both.extent.width,
        height=both.extent.height,
        num_inference_steps=sampling.steps,
        guidance_scale=sampling.guidance,
        generator=torch.Generator("cpu").manual_seed(sampling.seeds[0]),
        output_type="pt",
    ).images


def pipeline_refines(both, sampling, picture):
    return both.refining(
        PROMPT,
        negative_prompt=NEGATIVE,
        image=picture / 2 + 0.5,
        strength=sampling.strength,
        num_inference_steps=sampling.steps,
        guidance_scale=sampling.guidance,
        generator=torch.Generator("cpu").manual_seed(sampling.seeds[0]),
        output_type="pt",
    ).images


def distance(one, other):
    assert one.shape == other.shape
    return (one - other).abs().max().item()


@pytest.mark.parametrize("guidance", [1.0, 0.5, 7.5])
def test_new_picture(both, guidance):
    sampling = Sampling("ddim", 10, guidance, 1.0, seeds=(11,))
    assert distance(paint(both, sampling), pipeline_paints(both, sampling)) <= TOLERANCE


@pytest.mark.parametrize("strength", [0.2, 0.35, 0.7, 0.99])
def test_refined_picture(both, strength):
    sampling = Sampling("ddim", 10, 5.0, strength, seeds=(12,))
    picture = both.picture()
    assert distance(paint(both, sampling, picture), pipeline_refines(both, sampling, picture)) <= TOLERANCE


@pytest.mark.parametrize("sampler", PIPELINE_SCHEDULERS)
@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_samplers(both, sampler, strength, monkeypatch):
    scheduler_class, settings = PIPELINE_SCHEDULERS[sampler]
    scheduler = scheduler_class.from_config(both.pipeline.scheduler.config, **settings)
    monkeypatch.setattr(both.pipeline, "scheduler", scheduler)
    sampling = Sampling(sampler, 10, 4.0, strength, seeds=(13,))
    picture = both.picture() if strength < 1 else None
    theirs = pipeline_paints(both, sampling) if picture is None else pipeline_refines(both, sampling, picture)
    assert distance(paint(both, sampling, picture), theirs) <= TOLERANCE


def test_parity_is_no_coincidence(both):
    """What the tests above vary does show: another seed, sampler or guidance is another picture."""
    base = paint(both, Sampling("ddim", 10, 7.5, 1.0, seeds=(11,)))
    for other in (
        Sampling("ddim", 10, 7.5, 1.0, seeds=(12,)),
        Sampling("euler_a", 10, 7.5, 1.0, seeds=(11,)),
        Sampling("ddim", 10, 1.0, 1.0, seeds=(11,)),
    ):
        assert distance(paint(both, other), base) > 10 * TOLERANCE


def test_strength_too_small_for_a_step_still_takes_one(both):
    conditioning = both.adapter.encode_text(Prompt(), None)
    original = both.adapter.encode_image(both.picture())
    sampling = Sampling("ddim", 10, 1.0, 0.01, seeds=(1,))
    assert len(list(denoise(both.adapter, conditioning, sampling, both.extent, original))) == 1
