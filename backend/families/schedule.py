"""Schedules of the families that predict noise or velocity (SD 1.x and its kin), by diffusers' schedulers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    UniPCMultistepScheduler,
)

from .adapter import UnknownSampler

SAMPLERS: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "ddim": (DDIMScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "unipc": (UniPCMultistepScheduler, {}),
}
"""Samplers by name: the scheduler, and what it is told beyond the model's own configuration."""


class DiffusionSchedule:
    """The steps of one picture by one of diffusers' schedulers, whose state it owns.

    Below a strength of 1 it takes the last `int(steps * strength)` steps, as diffusers' image-to-image pipelines do, but
    never none.
    """

    def __init__(
        self, config: Mapping[str, Any], sampler: str, steps: int, strength: float, device: torch.device
    ) -> None:
        if sampler not in SAMPLERS:
            raise UnknownSampler(sampler)
        scheduler_class, settings = SAMPLERS[sampler]
        self._scheduler: Any = scheduler_class.from_config(dict(config), **settings)
        self._scheduler.set_timesteps(steps, device=device)
        timesteps: torch.Tensor = self._scheduler.timesteps
        skipped = len(timesteps) - max(1, min(int(len(timesteps) * strength), len(timesteps)))
        self._timesteps = timesteps[skipped:]
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(skipped)
        self._draws = "generator" in inspect.signature(self._scheduler.step).parameters

    @property
    def steps(self) -> int:
        """How many times the denoiser is asked."""
        return len(self._timesteps)

    def timestep(self, step: int) -> torch.Tensor:
        """Time of a step, a scalar from 999 down to 0."""
        return self._timesteps[step]

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        """Pure noise, as strong as the first step expects it."""
        strongest: float | torch.Tensor = self._scheduler.init_noise_sigma
        return noise * strongest

    def noised(self, original: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
        """The original's latents with as much of `noise` as there is before `step`."""
        noisy: torch.Tensor = self._scheduler.add_noise(original, noise, self._timesteps[step : step + 1])
        return noisy

    def model_input(self, latents: torch.Tensor, step: int) -> torch.Tensor:
        """Latents before `step`, scaled for the denoiser."""
        scaled: torch.Tensor = self._scheduler.scale_model_input(latents, self._timesteps[step])
        return scaled

    def advance(
        self, output: torch.Tensor, step: int, latents: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents after `step`, and the clean latents that the denoiser's output points at."""
        draws = {"generator": generator} if self._draws else {}
        taken = self._scheduler.step(output, self._timesteps[step], latents, **draws)
        clean = getattr(taken, "pred_original_sample", None)
        if clean is None:
            # the multistep solvers do not return it, they remember it: they calculate with clean latents
            clean = self._scheduler.model_outputs[-1]
        return taken.prev_sample, clean
