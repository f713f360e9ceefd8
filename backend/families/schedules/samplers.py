"""Samplers by id, with the names that painters know. Data only, so that whoever lists them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sampler:
    """One sampler.

    `title` is what painters call it. `draws_noise` says whether it adds noise at every step, so that more steps give
    another picture and not just a finer one. Of `steps` steps it asks the denoiser `questions(steps)` times.
    """

    id: str
    title: str
    draws_noise: bool = False
    twice: bool = False

    def questions(self, steps: int) -> int:
        """How often the denoiser is asked: once a step, or twice in all steps but the last."""
        return 2 * steps - 1 if self.twice else steps


def _by_id(*samplers: Sampler) -> dict[str, Sampler]:
    return {sampler.id: sampler for sampler in samplers}


SAMPLERS: Final = _by_id(
    Sampler("ddim", "DDIM"),
    Sampler("euler", "Euler"),
    Sampler("euler_a", "Euler a", draws_noise=True),
    Sampler("dpmpp_2m_karras", "DPM++ 2M Karras"),
    Sampler("dpmpp_2m_sde_karras", "DPM++ 2M SDE Karras", draws_noise=True),
    Sampler("dpmpp_sde_karras", "DPM++ SDE Karras", draws_noise=True, twice=True),
    Sampler("unipc", "UniPC"),
    Sampler("lcm", "LCM", draws_noise=True),
)
"""For families that predict noise or velocity: SD 1.x, SDXL."""

FLOW_SAMPLERS: Final = _by_id(
    Sampler("flow_euler", "Euler"),
    Sampler("flow_heun", "Heun", twice=True),
    Sampler("flow_dpmpp_2m", "DPM++ 2M"),
    Sampler("flow_dpmpp_2m_sde", "DPM++ 2M SDE", draws_noise=True),
    Sampler("flow_unipc", "UniPC"),
    Sampler("flow_lcm", "LCM", draws_noise=True),
)
"""For flow-matching families: SD 3.x, FLUX, Z-Image, Qwen-Image, Ovis, LongCat, Chroma."""
