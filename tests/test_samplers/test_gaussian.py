"""Every sampler paints what is to be painted, where that is known: see `gaussian`."""

from __future__ import annotations

import pytest
import torch
from gaussian import CASES, DEVIATION, IDS, MEAN, QUANTILES, led_to, likely, sample

from backend.families.schedule import FLOW_SAMPLERS, SAMPLERS

STEPS = 40

# Share of DEVIATION: what was measured, and a fifth more. First order is coarse in 40 steps; Karras' spacing on zero terminal
# SNR spends most of them above any noise that matters.
TOLERANCES = {
    "epsilon-ddim": 0.155,
    "epsilon-euler": 0.157,
    "epsilon-euler_a": 0.14,
    "epsilon-dpmpp_2m_karras": 0.004,
    "epsilon-dpmpp_2m_sde_karras": 0.01,
    "epsilon-dpmpp_sde_karras": 0.008,
    "epsilon-unipc": 0.102,
    "epsilon-lcm": 0.006,
    "velocity-ddim": 0.19,
    "velocity-euler": 0.19,
    "velocity-euler_a": 0.145,
    "velocity-dpmpp_2m_karras": 0.074,
    "velocity-dpmpp_2m_sde_karras": 0.079,
    "velocity-dpmpp_sde_karras": 0.043,
    "velocity-unipc": 0.102,
    "velocity-lcm": 0.006,
    "flow-flow_euler": 0.088,
    "flow-flow_heun": 0.0027,
    "flow-flow_dpmpp_2m": 0.0122,
    "flow-flow_dpmpp_2m_sde": 0.028,
    "flow-flow_unipc": 0.0056,
    "flow-flow_lcm": 0.006,
    "shifted-flow_euler": 0.17,
    "shifted-flow_heun": 0.028,
    "shifted-flow_dpmpp_2m": 0.0202,
    "shifted-flow_dpmpp_2m_sde": 0.06,
    "shifted-flow_unipc": 0.011,
    "shifted-flow_lcm": 0.006,
}

# Four times the standard error of the mean of as many pictures, as a share of DEVIATION.
PICTURES = (400, 500)
MEAN_TOLERANCE = 4 / (PICTURES[0] * PICTURES[1]) ** 0.5

# Their own error in 40 steps is larger than what a clock wrong by one step does; test_formulas has them step by step.
COARSE = ("ddim", "euler", "unipc", "flow_euler")


def errors(config, sampler, strength=1.0, late=0):
    """How far off the pictures are: in the mean, and at their quantiles or in their spread; shares of DEVIATION."""
    denoiser = led_to if sampler.endswith("lcm") else likely
    how = {"strength": strength, "late": late, "denoiser": denoiser}
    if not (SAMPLERS | FLOW_SAMPLERS)[sampler].draws_noise:
        pictures, right = sample(config, sampler, STEPS, QUANTILES, **how)
        return 0.0, ((pictures - right).abs().max() / DEVIATION).item()
    noise = torch.randn(1, 1, *PICTURES, generator=torch.Generator().manual_seed(1))
    pictures, _ = sample(config, sampler, STEPS, noise, **how)
    return abs(pictures.mean().item() - MEAN) / DEVIATION, abs(pictures.std().item() / DEVIATION - 1)


@pytest.mark.parametrize("strength", [1.0, 0.6])
@pytest.mark.parametrize(("config", "sampler"), CASES, ids=IDS)
def test_paints_the_pictures_that_there_are(config, sampler, strength, request):
    mean, spread = errors(config, sampler, strength)
    name = request.node.callspec.id.removesuffix(f"-{strength}")
    assert mean < MEAN_TOLERANCE
    assert spread < TOLERANCES[name]


@pytest.mark.parametrize("late", [1, -1])
@pytest.mark.parametrize(
    ("config", "sampler"),
    [case for case in CASES if case[1] not in COARSE],
    ids=[i for i, c in zip(IDS, CASES, strict=True) if c[1] not in COARSE],
)
def test_a_clock_that_is_wrong_by_a_step_is_noticed(config, sampler, late, request):
    """What the test above is good for: it fails when the denoiser is told the time of the next step, or the last."""
    mean, spread = errors(config, sampler, late=late)
    name = request.node.callspec.id.removesuffix(f"-{late}")
    assert mean > 2 * MEAN_TOLERANCE or spread > 1.5 * TOLERANCES[name]
