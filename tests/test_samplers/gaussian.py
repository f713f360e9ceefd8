"""A diffusion that can be solved on paper: pictures of one pixel, normally distributed.

With x = signal * picture + noise * n, picture ~ N(MEAN, DEVIATION^2) and n ~ N(0, 1), x is normal too, and the best guess of
the picture is the regression of the one on the other. The probability flow ODE (Song et al. 2021, arXiv 2011.13456) keeps
every x at its quantile. So the denoiser is known, and where it should lead.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch

from backend.families.schedule import FLOW_SAMPLERS, SAMPLERS, DiffusionSchedule, FlowSchedule, even_sigmas

MEAN, DEVIATION = 0.6, 0.5

CPU = torch.device("cpu")
EPSILON = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "prediction_type": "epsilon"}
VELOCITY = {
    **EPSILON,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}
FLOW = {"shift": 1.0}
SHIFTED = {"shift": 3.0}

LEAST_SIGNAL = 2**-24
"""What diffusers puts in the place of none where it has to divide by it."""

QUANTILES = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0]).reshape(1, 1, 1, 5)


class Level(NamedTuple):
    """How much of the picture and how much noise there is."""

    signal: float
    noise: float

    @property
    def spread(self):
        return math.hypot(self.signal * DEVIATION, self.noise)

    def quantile(self, x):
        return (x - self.signal * MEAN) / self.spread

    def at(self, quantile):
        return self.signal * MEAN + self.spread * quantile


PICTURE = Level(1.0, 0.0)


def likely(x, level):
    """The picture to be expected behind x: what a perfect denoiser says."""
    return MEAN + level.signal * DEVIATION**2 * (x - level.signal * MEAN) / level.spread**2


def led_to(x, level):
    """The picture that the ODE leads x to: what a perfect consistency model says."""
    return PICTURE.at(level.quantile(x))


def answer(kind, x, level, picture):
    """What a denoiser of that kind says that means the picture."""
    noise = (x - level.signal * picture) / level.noise
    if kind == "epsilon":
        return noise
    return level.signal * noise - level.noise * picture if kind == "v_prediction" else noise - picture


def signals_squared(config):
    """The share of the picture in the variance at each time, worked out apart from diffusers, in float64.

    Scaled linear betas (Rombach et al. 2022), and their rescaling to zero terminal SNR by algorithm 1 of Lin et al. 2024,
    arXiv 2305.08891.
    """
    betas = np.linspace(config["beta_start"] ** 0.5, config["beta_end"] ** 0.5, 1000) ** 2
    squared = np.cumprod(1 - betas)
    if config.get("rescale_betas_zero_snr"):
        root = np.sqrt(squared)
        squared = ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2
    return squared


def level_at(config, time):
    """The level that a denoiser knows by the time it is told: between whole times log sigma is linear."""
    if config.get("prediction_type") is None:
        return Level(1 - time / 1000, time / 1000)
    squared = signals_squared(config)
    low = min(int(time), 998)
    between = time - low
    if between in (0, 1):
        signal = squared[low + round(between)]
    else:
        ends = np.maximum(squared[low : low + 2], LEAST_SIGNAL)
        logs = np.log((1 - ends) / ends) / 2
        signal = 1 / (1 + math.exp(2 * ((1 - between) * logs[0] + between * logs[1])))
    return Level(math.sqrt(signal), math.sqrt(1 - signal))


def schedule_of(config, sampler, steps, strength=1.0):
    if sampler in SAMPLERS:
        return DiffusionSchedule(config, sampler, steps, strength, CPU)
    return FlowSchedule(config, sampler, steps, strength, CPU, sigmas=even_sigmas(steps))


def level_shown(schedule, step):
    """The level as the schedule's own noising has it, of latents that are not scaled for the denoiser yet."""
    one, zero = torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1)
    return Level(schedule.noised(one, zero, step).item(), schedule.noised(zero, one, step).item())


def sample(config, sampler, steps, noise, *, strength=1.0, late=0, denoiser=likely, seed=5):
    """Paint from noise; returns the pictures, and those that the ODE leads to from the same start.

    `late` steps is how far the denoiser's clock goes wrong.
    """
    schedule = schedule_of(config, sampler, steps, strength)
    times = [float(schedule.timestep(step)) for step in range(schedule.steps)]
    generators = [torch.Generator().manual_seed(seed)]
    x = schedule.start(noise) if strength == 1 else level_shown(schedule, 0).at(noise)
    right = None
    for step in range(schedule.steps):
        seen = schedule.model_input(x, step)
        level = level_at(config, times[min(max(step + late, 0), schedule.steps - 1)])
        if right is None:
            right = led_to(seen, level)
        said = answer(config.get("prediction_type"), seen, level, denoiser(seen, level))
        x, _ = schedule.advance(said.float(), step, x, generators)
    return x, right


NOISE_CASES = [(EPSILON, sampler) for sampler in SAMPLERS] + [(VELOCITY, sampler) for sampler in SAMPLERS]
FLOW_CASES = [(FLOW, sampler) for sampler in FLOW_SAMPLERS] + [(SHIFTED, sampler) for sampler in FLOW_SAMPLERS]
CASES = NOISE_CASES + FLOW_CASES
NAMES = {id(EPSILON): "epsilon", id(VELOCITY): "velocity", id(FLOW): "flow", id(SHIFTED): "shifted"}
IDS = [f"{NAMES[id(config)]}-{sampler}" for config, sampler in CASES]
