"""Step by step against the formulas as they were published, in float64 and in Karras' coordinates.

There x = picture + sigma * noise, for every family: latents are divided by the share of the picture in them. Denoiser and
pictures are those of `gaussian`.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from gaussian import (
    DEVIATION,
    EPSILON,
    FLOW,
    MEAN,
    PICTURE,
    QUANTILES,
    SHIFTED,
    Level,
    answer,
    led_to,
    level_shown,
    likely,
    schedule_of,
    signals_squared,
)

STEPS = 12
START = 0.75
"""Strength of the flow schedules: at 1 they begin at a sigma without end."""


def denoised(x, sigma):
    return likely(x, Level(1.0, sigma))


def drawer(seed=5):
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(QUANTILES.shape, generator=generator).double()


# The noise of the steps, as sigma, and 0 at their end ----------------------------------------------------------------


def noise_sigmas():
    squared = signals_squared(EPSILON)
    return np.sqrt((1 - squared) / squared)


def at_times(times):
    return [*np.interp(times, np.arange(1000), noise_sigmas()), 0.0]


def even_times():
    """Both ends included, as Euler's default in diffusers has them."""
    return at_times(np.linspace(0, 999, STEPS)[::-1])


def leading_times():
    """Table 2 of Lin et al. 2024, arXiv 2305.08891."""
    return at_times(np.arange(STEPS)[::-1] * (1000 // STEPS))


def even_times_without_the_last():
    return at_times(np.linspace(0, 999, STEPS + 1).round()[:0:-1])


def distilled_times():
    """Every twentieth time was distilled; of those 50, as evenly as whole numbers can (Luo et al. 2023, arXiv 2310.04378)."""
    return at_times([(50 - math.floor(50 * step / STEPS)) * 20 - 1 for step in range(STEPS)])


def karras():
    """Equation 5 of Karras et al. 2022, arXiv 2206.00364, with rho = 7."""
    most, least = noise_sigmas()[999] ** (1 / 7), noise_sigmas()[0] ** (1 / 7)
    return [*((most + i / (STEPS - 1) * (least - most)) ** 7 for i in range(STEPS)), 0.0]


def with_middles(sigmas):
    """In log sigma, but for the last step."""
    ends = sigmas[:-1]
    return [
        s for pair in zip(ends, [math.sqrt(a * b) for a, b in pairwise(ends)], strict=False) for s in pair
    ] + sigmas[-2:]


def flow(shift=1.0):
    """Equation 23 of Esser et al. 2024, arXiv 2403.03206, on even steps, from START on; sigma / (1 - sigma)."""
    even = [1 - step / STEPS for step in range(STEPS)][int(STEPS - STEPS * START) :]
    shifted = [shift * s / (1 + (shift - 1) * s) for s in even]
    return [*(s / (1 - s) for s in shifted), 0.0]


# The samplers: latents after each question ---------------------------------------------------------------------------


def euler(x, sigmas, draw):
    """Algorithm 1 of Karras et al. 2022 without its correction; DDIM's step, too, in these coordinates."""
    for sigma, below in pairwise(sigmas):
        x = x + (below - sigma) * (x - denoised(x, sigma)) / sigma
        yield x


def euler_ancestral(x, sigmas, draw):
    """`sample_euler_ancestral` of k-diffusion."""
    for sigma, below in pairwise(sigmas):
        up = math.sqrt(below**2 * (sigma**2 - below**2) / sigma**2)
        down = math.sqrt(below**2 - up**2)
        x = x + (down - sigma) * (x - denoised(x, sigma)) / sigma + up * draw()
        yield x


def dpmpp_2m(x, sigmas, draw):
    """`sample_dpmpp_2m` of k-diffusion; algorithm 2 of Lu et al. 2022, arXiv 2211.01095."""
    before = None
    for step, (sigma, below) in enumerate(pairwise(sigmas)):
        clean = denoised(x, sigma)
        if below == 0:
            x = clean
        else:
            h = math.log(sigma / below)
            aim = clean
            if before is not None:
                r = math.log(sigmas[step - 1] / sigma) / h
                aim = (1 + 1 / (2 * r)) * clean - 1 / (2 * r) * before
            x = below / sigma * x - math.expm1(-h) * aim
        before = clean
        yield x


def dpmpp_2m_sde(x, sigmas, draw):
    """`sample_dpmpp_2m_sde` of k-diffusion, with its midpoint and all the noise (eta = 1)."""
    before = None
    for step, (sigma, below) in enumerate(pairwise(sigmas)):
        clean = denoised(x, sigma)
        noise = draw()
        if below == 0:
            x = clean
        else:
            h = math.log(sigma / below)
            x = below / sigma * math.exp(-h) * x - math.expm1(-2 * h) * clean
            if before is not None:
                r = math.log(sigmas[step - 1] / sigma) / h
                x = x - 0.5 * math.expm1(-2 * h) / r * (clean - before)
            x = x + noise * below * math.sqrt(-math.expm1(-2 * h))
        before = clean
        yield x


def dpmpp_sde(x, sigmas, draw):
    """`sample_dpmpp_sde` of k-diffusion with r = 1/2 and all the noise (eta = 1); `sigmas` has the middles.

    The noise of the whole step is that of its halves, weighed by their lengths in sigma.
    """

    def ancestral(start, clean, sigma, below, noise):
        up = min(below, math.sqrt(below**2 * (sigma**2 - below**2) / sigma**2))
        down = math.sqrt(below**2 - up**2)
        return down / sigma * start - math.expm1(math.log(down / sigma)) * clean + noise * up

    for sigma, middle, below in zip(sigmas[:-2:2], sigmas[1:-1:2], sigmas[2::2], strict=True):
        first = draw()
        half = ancestral(x, denoised(x, sigma), sigma, middle, first)
        yield half
        second = draw()
        noise = (math.sqrt(sigma - middle) * first + math.sqrt(middle - below) * second) / math.sqrt(sigma - below)
        x = ancestral(x, denoised(half, middle), sigma, below, noise)
        yield x
    yield denoised(x, sigmas[-2])


def unipc(x, sigmas, draw):
    """UniPC-2 with B(h) = e^h - 1, for the data prediction (Zhao et al. 2023, arXiv 2302.04867, algorithms 5 to 8)."""
    lambdas = [-math.log(sigma) for sigma in sigmas[:-1]]
    clean, start = [], None
    for step, (sigma, below) in enumerate(pairwise(sigmas)):
        found = denoised(x, sigma)
        if step > 0:
            x = _corrected(start, clean, found, lambdas, step)
        clean.append(found)
        start = x
        if below == 0:
            x = found
        else:
            h = lambdas[step + 1] - lambdas[step]
            x = below / sigma * start - math.expm1(-h) * found
            if step > 0:
                r = (lambdas[step - 1] - lambdas[step]) / h
                x = x - math.expm1(-h) * 0.5 * (clean[-2] - found) / r
        yield x


def _corrected(start, clean, found, lambdas, step):
    h = lambdas[step] - lambdas[step - 1]
    base = math.expm1(-h)
    x = math.exp(-h) * start - base * clean[-1]
    if step == 1:
        return x - base * 0.5 * (found - clean[-1])
    r = (lambdas[step - 2] - lambdas[step - 1]) / h
    second = base / -h - 1
    third = second / -h - 0.5
    older, newer = np.linalg.solve([[1.0, 1.0], [r, 1.0]], [second / base, 2 * third / base])
    return x - base * (older * (clean[-2] - clean[-1]) / r + newer * (found - clean[-1]))


def lcm(x, sigmas, draw):
    """Algorithm 1 of Luo et al. 2023: to the picture, and back to the next noise. Its boundary terms are below 1e-5 here."""
    for sigma, below in pairwise(sigmas):
        picture = led_to(x, Level(1.0, sigma))
        x = picture if below == 0 else picture + below * draw()
        yield x


def heun(x, sigmas, draw):
    """Algorithm 1 of Karras et al. 2022, on the straight way from picture to noise; `sigmas` has the ends twice."""

    def slope(y, sigma):
        share = sigma / (1 + sigma)
        return (y - denoised(y * (1 + sigma), sigma)) / share

    for sigma, below in zip(sigmas[:-2:2], sigmas[1:-1:2], strict=True):
        y, length = x / (1 + sigma), below / (1 + below) - sigma / (1 + sigma)
        ahead = slope(y, sigma)
        trial = y + length * ahead
        yield trial * (1 + below)
        x = (y + length * (ahead + slope(trial, below)) / 2) * (1 + below)
        yield x
    yield denoised(x, sigmas[-2])


def twice(sigmas):
    return [sigmas[0], *(s for s in sigmas[1:-1] for _ in (1, 2)), sigmas[-1]]


PUBLISHED = {
    "ddim": (EPSILON, euler, leading_times()),
    "euler": (EPSILON, euler, even_times()),
    "euler_a": (EPSILON, euler_ancestral, even_times()),
    "dpmpp_2m_karras": (EPSILON, dpmpp_2m, karras()),
    "dpmpp_2m_sde_karras": (EPSILON, dpmpp_2m_sde, karras()),
    "dpmpp_sde_karras": (EPSILON, dpmpp_sde, with_middles(karras())),
    "unipc": (EPSILON, unipc, even_times_without_the_last()),
    "lcm": (EPSILON, lcm, distilled_times()),
    "flow_euler": (FLOW, euler, flow()),
    "flow_heun": (FLOW, heun, twice(flow())),
    "flow_dpmpp_2m": (FLOW, dpmpp_2m, flow()),
    "flow_dpmpp_2m_sde": (FLOW, dpmpp_2m_sde, flow()),
    "flow_unipc": (FLOW, unipc, flow()),
    "flow_lcm": (FLOW, lcm, flow()),
    "flow_euler, shifted": (SHIFTED, euler, flow(3.0)),
    "flow_heun, shifted": (SHIFTED, heun, twice(flow(3.0))),
    "flow_dpmpp_2m, shifted": (SHIFTED, dpmpp_2m, flow(3.0)),
    "flow_unipc, shifted": (SHIFTED, unipc, flow(3.0)),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_steps_are_those_that_were_published(name):
    config, formula, sigmas = PUBLISHED[name]
    schedule = schedule_of(config, name.partition(",")[0], STEPS, START if "flow" in name else 1.0)
    assert schedule.steps == len(sigmas) - 1
    x = MEAN + math.hypot(DEVIATION, sigmas[0]) * QUANTILES.double()
    expected = formula(x, sigmas, drawer())
    generators = [torch.Generator().manual_seed(5)]
    level = level_shown(schedule, 0)
    latents = (level.signal * x).float()
    for step, wanted in enumerate(expected):
        assert level.noise / level.signal == pytest.approx(sigmas[step], rel=1e-4)
        seen = schedule.model_input(latents, step)
        scale = (seen / latents)[0, 0, 0, 0].item()
        known = Level(level.signal * scale, level.noise * scale)
        said = answer(config.get("prediction_type"), seen, known, (led_to if "lcm" in name else likely)(seen, known))
        latents, _ = schedule.advance(said, step, latents, generators)
        level = level_shown(schedule, step + 1) if step + 1 < schedule.steps else PICTURE
        torch.testing.assert_close(latents.double() / level.signal, wanted, rtol=2e-4, atol=2e-4)
    assert step + 1 == schedule.steps
