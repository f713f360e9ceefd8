"""Schedules of the flow-matching families (SD 3.x, FLUX, Z-Image, Qwen-Image, Ovis, LongCat, Chroma).

A family says how much noise there is at each step, the sampler how to get from one to the next: each of diffusers'
schedulers has its own idea of the first, so all of them are given the sigmas of `FlowMatchEulerDiscreteScheduler`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    FlowMatchEulerDiscreteScheduler,
    FlowMatchHeunDiscreteScheduler,
    FlowMatchLCMScheduler,
    UniPCMultistepScheduler,
)

from ..adapter import UnknownSampler
from .beta import beta_spaced
from .samplers import FLOW_SAMPLERS


class FlowSchedule:
    """The steps of some pictures of a flow-matching family: latents are `sigma * noise + (1 - sigma) * picture`.

    `config` is the configuration of a `FlowMatchEulerDiscreteScheduler` as diffusers writes it. `sigmas` are given where the
    family's pipeline gives them (`shift.even_sigmas`), before shifting, one a step; `mu` is needed where the configuration
    has dynamic shifting (`shift.dynamic_shift`, `shift.empirical_mu`) and ignored elsewhere. Below a strength of 1 it takes
    the last steps, see `first_flow_step`.

    Raises UnknownSampler; ValueError where `mu` is missing or the sigmas are not one a step.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        sampler: str,
        steps: int,
        strength: float,
        device: torch.device,
        mu: float | None = None,
        sigmas: npt.ArrayLike | None = None,
    ) -> None:
        if sampler not in FLOW_SAMPLERS:
            raise UnknownSampler(sampler)
        grid = flow_sigmas(config, steps, mu, sigmas)
        trained: int = config.get("num_train_timesteps", 1000)
        self._scheduler = SOLVERS[sampler](grid, trained)
        asked = _twice(grid) if FLOW_SAMPLERS[sampler].twice else grid
        begin = first_flow_step(steps, strength) * self._scheduler.order
        self._scheduler.set_begin_index(begin)
        self._sigmas: torch.Tensor = asked[begin:-1].to(device)
        self._timesteps: torch.Tensor = self._sigmas * trained
        self._draws = FLOW_SAMPLERS[sampler].draws_noise

    @property
    def steps(self) -> int:
        """How many times the denoiser is asked."""
        return self._sigmas.shape[0]

    def timestep(self, step: int) -> torch.Tensor:
        """Time of a step as diffusers' scheduler has it, a scalar from 1000 down to above 0. Many families divide it."""
        return self._timesteps[step]

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        """Pure noise, as strong as the first step expects it."""
        return self._sigmas[0] * noise

    def noised(self, original: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
        """The original's latents with as much of `noise` as there is before `step`."""
        sigma = self._sigmas[step]
        return sigma * noise + (1.0 - sigma) * original

    def model_input(self, latents: torch.Tensor, step: int) -> torch.Tensor:
        """Latents as they are: no step scales them."""
        return latents

    def advance(
        self, output: torch.Tensor, step: int, latents: torch.Tensor, generators: Sequence[torch.Generator]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents after `step`, and the clean latents that the denoiser's output points at.

        Noise is drawn from `generators`, one for each picture.
        """
        draws = {"generator": list(generators)} if self._draws else {}
        taken = self._scheduler.step(output, self._timesteps[step], latents, **draws)
        return taken.prev_sample, latents - self._sigmas[step] * output


def flow_sigmas(
    config: Mapping[str, Any], steps: int, mu: float | None = None, sigmas: npt.ArrayLike | None = None
) -> torch.Tensor:
    """Share of noise before each step and, 0, after the last: `[steps + 1]`, float32, on the CPU.

    As `FlowMatchEulerDiscreteScheduler.set_timesteps` shifts and spaces them. Raises ValueError, see `FlowSchedule`.
    """
    if config.get("use_dynamic_shifting") and mu is None:
        raise ValueError("this scheduler shifts its steps by the picture's size, and needs mu")
    # diffusers spaces by a beta distribution only where scipy is
    settings = {**config, "use_beta_sigmas": False}
    if steps == 1:
        # a single step is the first one and keeps its noise; diffusers would divide by the none that it can lose
        settings["shift_terminal"] = None
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(settings)
    given = None if sigmas is None else np.asarray(sigmas)
    scheduler.set_timesteps(steps, sigmas=given, mu=mu)
    spaced: torch.Tensor = scheduler.sigmas
    return beta_spaced(spaced) if config.get("use_beta_sigmas") else spaced


def first_flow_step(steps: int, strength: float) -> int:
    """Which of `steps` steps comes first at a strength above 0 and up to 1.

    As diffusers' `FluxImg2ImgPipeline.get_timesteps` rounds it, and with it those of all flow-matching families: up, where
    Stable Diffusion's rounds down. At least one step is left.
    """
    return min(int(max(steps - min(steps * strength, steps), 0)), steps - 1)


def _twice(grid: torch.Tensor) -> torch.Tensor:
    """Sigmas of the questions of a solver that asks at both ends of each step but the last, whose end is no noise."""
    return torch.cat([grid[:1], grid[1:-1].repeat_interleave(2), grid[-1:]])


def _euler(grid: torch.Tensor, trained: int) -> Any:  # noqa: ANN401 - untyped library
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=trained)
    scheduler.set_timesteps(sigmas=grid[:-1].numpy())
    return scheduler


def _lcm(grid: torch.Tensor, trained: int) -> Any:  # noqa: ANN401 - untyped library
    scheduler = FlowMatchLCMScheduler(num_train_timesteps=trained)
    scheduler.set_timesteps(sigmas=grid[:-1].numpy())
    return scheduler


def _heun(grid: torch.Tensor, trained: int) -> Any:  # noqa: ANN401 - untyped library
    scheduler = FlowMatchHeunDiscreteScheduler(num_train_timesteps=trained)
    scheduler.set_timesteps(len(grid) - 1)
    scheduler.sigmas = _twice(grid)
    return scheduler


def _dpmpp_2m(grid: torch.Tensor, trained: int, algorithm: str = "dpmsolver++") -> Any:  # noqa: ANN401 - untyped library
    scheduler = DPMSolverMultistepScheduler(
        num_train_timesteps=trained,
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        algorithm_type=algorithm,
    )
    scheduler.set_timesteps(len(grid) - 1)
    scheduler.sigmas = grid
    return scheduler


def _dpmpp_2m_sde(grid: torch.Tensor, trained: int) -> Any:  # noqa: ANN401 - untyped library
    return _dpmpp_2m(grid, trained, "sde-dpmsolver++")


def _unipc(grid: torch.Tensor, trained: int) -> Any:  # noqa: ANN401 - untyped library
    scheduler = UniPCMultistepScheduler(
        num_train_timesteps=trained, prediction_type="flow_prediction", use_flow_sigmas=True
    )
    # it moves the first one off 1, in place
    scheduler.set_timesteps(sigmas=grid[:-1].double().numpy().copy())
    return scheduler


SOLVERS: Final[dict[str, Callable[[torch.Tensor, int], Any]]] = {
    "flow_euler": _euler,
    "flow_heun": _heun,
    "flow_dpmpp_2m": _dpmpp_2m,
    "flow_dpmpp_2m_sde": _dpmpp_2m_sde,
    "flow_unipc": _unipc,
    "flow_lcm": _lcm,
}
"""The scheduler of each sampler, for sigmas as `flow_sigmas` gives them and the number of time steps in training."""
