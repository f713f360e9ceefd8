"""Schedules of the families that predict noise or velocity (SD 1.x, SDXL and their kin), by diffusers' schedulers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)

from ..adapter import UnknownSampler
from .dpmpp_sde import DPMSolverSDE
from .samplers import SAMPLERS

TRAINED: Final = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
    "timestep_spacing",
    "steps_offset",
    "set_alpha_to_one",
    "original_inference_steps",
    "timestep_scaling",
)
"""What a model's configuration says of how it was trained. The rest of it (Karras' spacing, a solver's order) chooses
another sampler than the one that the painter has named, and is left out."""

SOLVERS: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    # latents are not bounded as the pixels are for which it clips by default
    "ddim": (DDIMScheduler, {"clip_sample": False}),
    "euler": (EulerDiscreteScheduler, {}),
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpmpp_2m_sde_karras": (
        DPMSolverMultistepScheduler,
        {"use_karras_sigmas": True, "algorithm_type": "sde-dpmsolver++"},
    ),
    # Karras' spacing takes its ends from this one, and is to reach from the strongest noise to the weakest
    "dpmpp_sde_karras": (DPMSolverSDE, {"use_karras_sigmas": True, "timestep_spacing": "linspace"}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
}
"""The scheduler of each sampler, and what it is told beyond the model's own training."""

TIMES: Final = 1000
"""Of training. No family here has another number."""

STEPS_OF_SPACING: Final = {"leading": (10, 100), "linspace": (2, 999)}
"""Fewest and most steps for which a spacing is good; trailing spacing, which always starts at pure noise, takes its place elsewhere.

Leading spacing starts at nine tenths of the times or above within these; with 4 steps it starts at 751, with 600 at 600, with 1000
past the end. Models and LoRAs distilled to a few steps need that most: the makers of SDXL Lightning
ask for trailing spacing, and what they are put into mostly says leading. Even spacing, both ends included, is at the wrong end with one step, and with more
than 999 UniPC has a time twice, which it divides by."""

MOST_BESIDE: Final = 0.03
"""Of a step: as much too little noise as DDIM may take away at each. In 30 steps it is 0.01, in 60 already 0.04."""

DISTILLED_STEPS: Final = 50
"""LCM's own default for how many steps of its teacher were distilled. It picks its own among them, so that for more steps it is
told of a teacher that took enough."""


class DiffusionSchedule:
    """The steps of some pictures by one of diffusers' schedulers, whose state it owns.

    `config` is a scheduler's configuration as diffusers writes it. Below a strength of 1 it takes the last
    `int(steps * strength)` steps, as diffusers' image-to-image pipelines do, but never none.
    """

    def __init__(
        self, config: Mapping[str, Any], sampler: str, steps: int, strength: float, device: torch.device
    ) -> None:
        if sampler not in SAMPLERS:
            raise UnknownSampler(sampler)
        self._scheduler = make_scheduler(config, sampler, steps)
        self._scheduler.set_timesteps(steps, device=device)
        _drop_surplus(self._scheduler, steps)
        begin = first_step(steps, strength) * self._scheduler.order
        self._whole = begin == 0
        self._timesteps: torch.Tensor = self._scheduler.timesteps[begin:]
        if hasattr(self._scheduler, "set_begin_index"):
            self._scheduler.set_begin_index(begin)
        self._draws = SAMPLERS[sampler].draws_noise
        # the one scheduler that cannot be told of it: it is told of noise instead
        self._says_picture = sampler == "euler_a" and config.get("prediction_type") == "sample"

    @property
    def steps(self) -> int:
        """How many times the denoiser is asked."""
        return len(self._timesteps)

    def timestep(self, step: int) -> torch.Tensor:
        """Time of a step, a scalar from 999 down to 0."""
        return self._timesteps[step]

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        """Pure noise, as strong as the first step expects it."""
        if not self._whole:
            return self.noised(torch.zeros_like(noise), noise, 0)
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
        self, output: torch.Tensor, step: int, latents: torch.Tensor, generators: Sequence[torch.Generator]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents after `step`, and the clean latents that the denoiser's output points at.

        Noise is drawn from `generators`, one for each picture.
        """
        draws = {"generator": list(generators)} if self._draws else {}
        if self._says_picture:
            output = (latents - output) / self._scheduler.sigmas[self._scheduler.step_index]
        taken = self._scheduler.step(output, self._timesteps[step], latents, **draws)
        clean = getattr(taken, "pred_original_sample", getattr(taken, "denoised", None))
        if clean is None:
            # the multistep solvers do not return it, they remember it: they calculate with clean latents
            clean = self._scheduler.model_outputs[-1]
        return taken.prev_sample, clean


def make_scheduler(config: Mapping[str, Any], sampler: str, steps: int) -> Any:  # noqa: ANN401 - untyped library
    """Make diffusers' scheduler for a sampler and a model's training. Its time steps are not set yet."""
    scheduler_class, settings = SOLVERS[sampler]
    told = {**{key: config[key] for key in TRAINED if key in config}, **settings}
    spacing = told.get("timestep_spacing", "leading" if sampler == "ddim" else "linspace")  # diffusers' defaults
    fewest, most = STEPS_OF_SPACING.get(spacing, (steps, steps))
    if not fewest <= steps <= most:
        spacing = told["timestep_spacing"] = "trailing"
    if sampler == "euler_a" and told.get("prediction_type") == "sample":
        told["prediction_type"] = "epsilon"
    if sampler == "lcm":
        distilled = told.get("original_inference_steps", DISTILLED_STEPS)
        told["original_inference_steps"] = distilled if steps <= distilled else TIMES // (TIMES // steps)
    if sampler == "ddim" and not _ddim_keeps_time(spacing, steps):
        # of first order it takes DDIM's steps (Lu et al. 2022, arXiv 2211.01095, section 4), wherever they lead
        scheduler_class = DPMSolverMultistepScheduler
        told = {**told, "solver_order": 1}
        del told["clip_sample"]
    return scheduler_class.from_config(told)


def _ddim_keeps_time(spacing: str, steps: int) -> bool:
    """Whether diffusers' DDIM lands at the times that it tells: whatever the spacing, it steps by `1000 // steps`."""
    return spacing == "leading" or (spacing == "trailing" and TIMES % steps <= MOST_BESIDE * TIMES)


def _drop_surplus(scheduler: Any, steps: int) -> None:  # noqa: ANN401 - untyped library
    """Take away the step at time -1 that diffusers' trailing spacing has for 61, 103 and other numbers of steps.

    Its `np.arange(1000, 0, -1000 / steps)` then ends a rounding error above 0.
    """
    if scheduler.order == 1 and len(scheduler.timesteps) == steps + 1:
        scheduler.timesteps = scheduler.timesteps[:-1]
        scheduler.num_inference_steps = steps
        if hasattr(scheduler, "sigmas"):
            scheduler.sigmas = torch.cat([scheduler.sigmas[:-2], scheduler.sigmas[-1:]])


def first_step(steps: int, strength: float) -> int:
    """Which of `steps` steps comes first at a strength above 0 and up to 1.

    As diffusers' `StableDiffusionImg2ImgPipeline.get_timesteps` rounds it, but at least one step is left.
    """
    return steps - max(1, min(int(steps * strength), steps))
