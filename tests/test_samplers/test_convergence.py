"""With more steps, the error falls by the power of their number that the sampler promises."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from gaussian import (
    EPSILON,
    FLOW,
    PICTURE,
    QUANTILES,
    VELOCITY,
    Level,
    answer,
    level_shown,
    likely,
    sample,
    schedule_of,
)

TRAILING = {**EPSILON, "timestep_spacing": "trailing"}

# Bounds of the order between each number of steps and the next. UniPC's corrector adds one to the order of 2 of its predictor
# (Zhao et al. 2023, arXiv 2302.04867, theorem 3.1); at 100 steps its error is that of float32, another one on each processor.
ORDERS = [
    (TRAILING, "ddim", (25, 50, 100, 200), 0.97, 1.03),
    (TRAILING, "euler", (25, 50, 100, 200), 0.97, 1.03),
    (TRAILING, "dpmpp_2m_karras", (25, 50, 100, 200), 1.95, 2.15),
    (TRAILING, "unipc", (15, 25, 50), 2.6, 4.1),
    (VELOCITY, "ddim", (25, 50, 100, 200), 0.97, 1.03),
    (VELOCITY, "euler", (25, 50, 100, 200), 0.97, 1.03),
    (VELOCITY, "dpmpp_2m_karras", (50, 100, 200), 2.0, 2.5),
    (VELOCITY, "unipc", (15, 25, 50), 2.6, 4.1),
    (FLOW, "flow_euler", (20, 40, 80, 160), 0.96, 1.03),
    (FLOW, "flow_heun", (20, 40, 80, 160), 1.97, 2.03),
    (FLOW, "flow_dpmpp_2m", (20, 40, 80), 2.0, 2.9),
    (FLOW, "flow_unipc", (20, 40, 80), 2.3, 3.1),
]


def error(config, sampler, steps):
    """After four fifths of the steps, as a share of the spread there. Of the last ones, log sigma grows as they shrink.

    The denoiser knows the true noise: some of diffusers' schedulers round the times that they tell.
    """
    schedule = schedule_of(config, sampler, steps)
    asked = round(schedule.steps * 0.8)
    x = right = None
    for step in range(asked + 1):
        level = level_shown(schedule, step)
        if right is None:
            x = schedule.start(torch.ones(1)) * QUANTILES
            right = level.quantile(x)
        if step == asked:
            return (x - level.at(right)).abs().max().item() / level.spread
        seen = schedule.model_input(x, step)
        scale = (seen / x)[0, 0, 0, 0].item()
        level = Level(level.signal * scale, level.noise * scale)
        said = answer(config.get("prediction_type"), seen, level, likely(seen, level))
        x, _ = schedule.advance(said.float(), step, x, [])
    raise AssertionError("no step was taken")


@pytest.mark.parametrize(
    ("config", "sampler", "steps", "least", "most"), ORDERS, ids=[f"{case[1]}-{i}" for i, case in enumerate(ORDERS)]
)
def test_order(config, sampler, steps, least, most):
    found = [error(config, sampler, number) for number in steps]
    orders = [
        math.log(coarse / fine) / math.log(many / few)
        for (coarse, fine), (few, many) in zip(pairwise(found), pairwise(steps), strict=True)
    ]
    assert all(least < order < most for order in orders), orders


@pytest.mark.parametrize(
    ("config", "sampler", "steps", "least"),
    [
        (EPSILON, "euler_a", (40, 160), 0.6),
        (EPSILON, "dpmpp_2m_sde_karras", (10, 40), 1.3),
        (EPSILON, "dpmpp_sde_karras", (10, 40), 1.3),
        (FLOW, "flow_dpmpp_2m_sde", (20, 80), 1.1),
    ],
    ids=["euler_a", "dpmpp_2m_sde_karras", "dpmpp_sde_karras", "flow_dpmpp_2m_sde"],
)
def test_order_in_distribution(config, sampler, steps, least):
    """Of those that draw noise: how the spread of many pictures comes to be the right one."""
    noise = torch.randn(1, 1, 400, 500, generator=torch.Generator().manual_seed(1))
    coarse, fine = (abs(sample(config, sampler, n, noise)[0].std().item() - PICTURE.spread) for n in steps)
    assert math.log(coarse / fine) / math.log(steps[1] / steps[0]) > least
