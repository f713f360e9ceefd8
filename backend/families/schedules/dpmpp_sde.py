"""DPM++ SDE, which diffusers has only with torchsde's Brownian tree: noise that no generator of a picture can give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from diffusers import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteSchedulerOutput
from diffusers.utils.torch_utils import randn_tensor


class _Halfway(NamedTuple):
    """What a step remembers between its two questions: where it set out, and the noise of its first half."""

    latents: torch.Tensor
    noise: torch.Tensor


class DPMSolverSDE(EulerDiscreteScheduler):  # type: ignore[misc]  # untyped library
    """DPM-Solver++ for the diffusion SDE (Lu et al. 2022, arXiv 2211.01095), as `sample_dpmpp_sde` of k-diffusion steps.

    A step asks twice: at its start and at its middle in log sigma. The last one, to no noise at all, asks once. `sigmas`
    and `timesteps` are those of the questions.

    The noise of a step is a Brownian motion's way over sigma: that of the first half is part of the whole step's.
    """

    order = 2
    sigmas: torch.Tensor
    timesteps: torch.Tensor

    def set_timesteps(self, num_inference_steps: int, device: str | torch.device | None = None) -> None:
        """Space the steps as Euler does, and put the middles between them."""
        super().set_timesteps(num_inference_steps, device=device)
        ends = self.sigmas[:-1].numpy().astype(np.float64)
        questions = np.empty(2 * len(ends) - 1)
        questions[::2] = ends
        questions[1::2] = np.sqrt(ends[:-1] * ends[1:])
        known = np.log((((1 - self.alphas_cumprod) / self.alphas_cumprod) ** 0.5).numpy())
        times = np.array([self._sigma_to_t(sigma, known) for sigma in questions], dtype=np.float32)
        self.timesteps = torch.from_numpy(times).to(device)
        self.sigmas = torch.from_numpy(np.append(questions, 0.0).astype(np.float32))
        self._halfway: _Halfway | None = None

    def step(
        self,
        output: torch.Tensor,
        timestep: torch.Tensor,
        latents: torch.Tensor,
        generator: Sequence[torch.Generator],
    ) -> Any:  # noqa: ANN401 - untyped library
        """Latents for the next question, and the clean latents that the denoiser's output points at."""
        if self.step_index is None:
            self._init_step_index(timestep)
        clean = self._clean(output, latents, self.sigmas[self.step_index])
        last = self.step_index + 1 == len(self.timesteps)
        latents = clean if last else self._half(clean, latents, list(generator))
        self._step_index += 1
        return EulerDiscreteSchedulerOutput(prev_sample=latents, pred_original_sample=clean)

    def _clean(self, output: torch.Tensor, latents: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        if self.config.prediction_type == "epsilon":
            return latents - sigma * output
        if self.config.prediction_type == "v_prediction":
            return (latents - sigma * (sigma**2 + 1) ** 0.5 * output) / (sigma**2 + 1)
        return output

    def _half(self, clean: torch.Tensor, latents: torch.Tensor, generators: list[torch.Generator]) -> torch.Tensor:
        drawn = randn_tensor(latents.shape, generator=generators, device=latents.device, dtype=latents.dtype)
        at = self.step_index
        if self._halfway is None:
            self._halfway = _Halfway(latents, drawn)
            return _ancestral(latents, clean, drawn, self.sigmas[at], self.sigmas[at + 1])
        start, middle, end = self.sigmas[at - 1], self.sigmas[at], self.sigmas[at + 1]
        way = (start - middle) ** 0.5 * self._halfway.noise + (middle - end) ** 0.5 * drawn
        latents, self._halfway = self._halfway.latents, None
        return _ancestral(latents, clean, way / (start - end) ** 0.5, start, end)


def _ancestral(
    latents: torch.Tensor, clean: torch.Tensor, noise: torch.Tensor, start: torch.Tensor, end: torch.Tensor
) -> torch.Tensor:
    """Go down from one sigma to beneath another, the exact way for constant clean latents, and add noise up to it."""
    down = end**2 / start
    up = (end**2 - down**2) ** 0.5
    return (down / start) * latents + (1 - down / start) * clean + up * noise
