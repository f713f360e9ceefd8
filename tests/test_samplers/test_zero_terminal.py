"""Zero terminal SNR (Lin et al. 2024, arXiv 2305.08891): the first step sees noise and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gaussian import EPSILON, LEAST_SIGNAL, VELOCITY, level_shown, schedule_of, signals_squared

from backend.families.schedule import SAMPLERS
from backend.families.schedules.diffusion import make_scheduler

ALL = pytest.mark.parametrize("sampler", SAMPLERS)


@ALL
def test_betas_are_rescaled_by_the_published_algorithm(sampler):
    found = make_scheduler(VELOCITY, sampler, 10).alphas_cumprod.double().numpy()
    published = signals_squared(VELOCITY)
    assert np.abs(found[:-1] - published[:-1]).max() < 1e-5
    assert published[-1] == 0
    assert found[-1] in (0, LEAST_SIGNAL)
    assert found[0] == pytest.approx(signals_squared(EPSILON)[0], rel=1e-5), "the cleanest time stays as it is"


@ALL
def test_first_step_sees_pure_noise(sampler):
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    schedule = schedule_of(VELOCITY, sampler, 10)
    signal, strength = level_shown(schedule, 0)
    assert float(schedule.timestep(0)) == pytest.approx(999, abs=0.5)
    assert signal / strength <= 1.001 * LEAST_SIGNAL**0.5
    start = schedule.start(noise)
    assert torch.isfinite(start).all()
    torch.testing.assert_close(schedule.model_input(start, 0), noise, rtol=1e-3, atol=1e-3)


@ALL
def test_ordinary_models_keep_a_trace_of_the_picture(sampler):
    """So that the test above is one: without the rescaling there is some left."""
    signal, noise = level_shown(schedule_of({**VELOCITY, "rescale_betas_zero_snr": False}, sampler, 10), 0)
    assert signal / noise > 0.06
