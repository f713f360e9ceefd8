"""A picture is the same, bit by bit, alone or among others: each draws from its own generator."""

from __future__ import annotations

import pytest
import torch
from gaussian import CASES, IDS, schedule_of

from backend.families.schedule import FLOW_SAMPLERS, SAMPLERS

# odd sides, so that the last numbers of a picture are not where vector instructions end
SHAPE = (4, 5, 7)
SEEDS = (7, 11, 2**40 + 1)


def paint(config, sampler, seeds, strength=1.0):
    """Latents after each question, for a denoiser whose answers are exact multiples of what it sees."""
    schedule = schedule_of(config, sampler, 6, strength)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    noise = torch.cat([torch.randn(1, *SHAPE, generator=generator) for generator in generators])
    original = torch.linspace(-1, 1, noise[0].numel()).reshape(1, *SHAPE)
    latents = schedule.start(noise) if strength == 1 else schedule.noised(original, noise, 0)
    after = []
    for step in range(schedule.steps):
        kept = schedule.noised(original, noise, step)
        latents = torch.where(original < -0.5, kept, latents)
        latents, clean = schedule.advance(0.5 * schedule.model_input(latents, step), step, latents, generators)
        after += [latents, clean]
    return torch.stack(after), [generator.get_state() for generator in generators]


@pytest.mark.parametrize("strength", [1.0, 0.5])
@pytest.mark.parametrize(("config", "sampler"), CASES, ids=IDS)
def test_alone_or_among_others(config, sampler, strength):
    together, states = paint(config, sampler, SEEDS, strength)
    for number, seed in enumerate(SEEDS):
        alone, (state,) = paint(config, sampler, [seed], strength)
        assert together[:, number].equal(alone[:, 0])
        assert states[number].equal(state)


@pytest.mark.parametrize(("config", "sampler"), CASES, ids=IDS)
def test_seeds_matter_to_the_steps_of_those_that_draw_noise_alone(config, sampler):
    schedule = schedule_of(config, sampler, 6)
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    latents = schedule.start(torch.ones(1, *SHAPE))
    for step in range(schedule.steps):
        latents, _ = schedule.advance(0.5 * schedule.model_input(latents, step), step, latents, [generator])
    assert before.equal(generator.get_state()) != (SAMPLERS | FLOW_SAMPLERS)[sampler].draws_noise
