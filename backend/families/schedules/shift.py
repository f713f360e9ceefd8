"""How much noise each step of a flow-matching family is given: even spacing, and how far it is shifted towards noise.

Pictures of more pixels take more noise to lose their content, so the families shift their steps by the number of tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def even_sigmas(steps: int) -> npt.NDArray[np.float64]:
    """Evenly from 1 down to `1 / steps`, `[steps]`: what diffusers' pipelines hand to the scheduler before it shifts.

    So do FLUX.1, FLUX.2, Z-Image, Qwen-Image, Ovis-Image, LongCat-Image and Chroma (`pipeline_flux.py` and so on). SD 3.x
    hands none, and takes the scheduler's own, which end near 0.001 and are shifted twice.
    """
    return np.linspace(1.0, 1 / steps, steps)


def dynamic_shift(config: Mapping[str, Any], tokens: int) -> float:
    """How far to shift for a picture of `tokens` tokens: mu, on a line through two points of the scheduler's configuration.

    `calculate_shift` of `pipeline_flux.py`, used alike by Z-Image, Qwen-Image, Ovis-Image, LongCat-Image, Chroma and SD 3.x;
    after Esser et al. 2024, arXiv 2403.03206, section 5.3.2. Where the configuration has no numbers, those of diffusers'
    scheduler stand in. A scheduler without dynamic shifting takes no notice of it.
    """
    fewest, most = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    low, high = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    slope = (high - low) / (most - fewest)
    shift: float = tokens * slope + (low - slope * fewest)
    return shift


MANY_TOKENS = 4300
"""From here on FLUX.2's shift depends on the number of tokens alone."""


def empirical_mu(tokens: int, steps: int) -> float:
    """How far FLUX.2 shifts for a picture of `tokens` tokens in `steps` steps: mu.

    `compute_empirical_mu` of `pipeline_flux2.py`, from Black Forest Labs' own sampling: a line over tokens at 10 steps, one at
    200, and the line between those two over steps.
    """
    at_200 = 0.00016927 * tokens + 0.45666666
    if tokens > MANY_TOKENS:
        return at_200
    at_10 = 8.73809524e-05 * tokens + 1.89833333
    slope = (at_200 - at_10) / 190.0
    return slope * steps + (at_200 - 200.0 * slope)
