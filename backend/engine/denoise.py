"""The one denoise loop, for every family.

Time steps, masks and guidance are here; what is peculiar to a family is in its adapter. The loop is an iterator: who
takes no further step has cancelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from backend.families.adapter import Adapter, Beside, Conditioning, Encoded, noise_like
from backend.fill import kept
from protocol import Extent

NO_GUIDANCE = 1.0
"""Up to this scale classifier-free guidance changes nothing (or would turn away from the prompt), and is left out."""


@dataclass(frozen=True)
class Sampling:
    """How pictures are sampled, one for each of `seeds`, all at once.

    `strength` lies above 0 and is at most 1; 1 is new content. `rescale`, 0 to 1, is for classifier-free guidance.
    """

    sampler: str
    steps: int
    guidance: float
    strength: float
    seeds: tuple[int, ...]
    rescale: float = 0.0


@dataclass(frozen=True)
class Step:
    """A step was taken: `number` of `steps`, from 1. `clean` are the latents that the pictures are heading for."""

    number: int
    steps: int
    latents: torch.Tensor
    clean: torch.Tensor


def is_guided(adapter: Adapter, guidance: float) -> bool:
    """Whether a picture takes a second prediction, for the negative prompt."""
    return adapter.classifier_free and guidance > NO_GUIDANCE


def denoise(
    adapter: Adapter,
    conditioning: Conditioning,
    sampling: Sampling,
    extent: Extent,
    original: Encoded | None = None,
    mask: npt.NDArray[np.float32] | None = None,
    beside: Beside | None = None,
) -> Iterator[Step]:
    """Paint pictures of `extent` pixels; the last step's latents are the pictures.

    Below a strength of 1 it sets out from the `original`. `mask` says in latent pixels how much may change, 0 to 1:
    a part stays the noised original for that share of the steps that its value lacks to 1 (differential diffusion, Levin
    and Fried 2023, arXiv 2306.00950), and to the end where it is 0.

    Random numbers are drawn on the CPU, in float32 and in diffusers' order, for each picture from its own seed: it means
    the same on every device, and alone or among others.
    """
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in sampling.seeds]
    schedule = adapter.schedule(sampling.sampler, sampling.steps, sampling.strength, extent)
    refines = original is not None and sampling.strength < 1
    start = None
    if original is not None:
        # new content draws as text-to-image does, for which there is no original to sample
        start = original.sample(generators) if refines else original.mean
    noise = noise_like(torch.empty(adapter.latent_shape(extent), device=adapter.device), generators)
    shown = None if beside is None else beside.drawn(generators)
    keeper = _Keeper(start, noise, mask, schedule.steps) if start is not None and mask is not None else None
    latents = schedule.noised(start, noise, 0) if start is not None and refines else schedule.start(noise)

    for step in range(schedule.steps):
        if keeper is not None and keeper.keeps(step):
            latents = keeper.put_back(latents, schedule.noised(keeper.original, noise, step), step)
        seen, time = schedule.model_input(latents, step), schedule.timestep(step)
        output = _guided(adapter, seen, time, conditioning, sampling, shown)
        latents, clean = schedule.advance(output, step, latents, generators)
        if keeper is not None and step + 1 == schedule.steps and keeper.keeps(schedule.steps):
            latents = keeper.put_back(latents, keeper.original, schedule.steps)
        yield Step(step + 1, schedule.steps, latents, clean)


def _guided(
    adapter: Adapter,
    latents: torch.Tensor,
    timestep: torch.Tensor,
    conditioning: Conditioning,
    sampling: Sampling,
    beside: Beside | None,
) -> torch.Tensor:
    """Ask the denoiser; with classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598) twice, in one go."""
    if not conditioning.guided:
        return adapter.predict(latents, timestep, conditioning, sampling.guidance, beside)
    both = adapter.predict(torch.cat([latents] * 2), timestep, conditioning, sampling.guidance, beside)
    away, towards = both.chunk(2)
    return adapter.guide(away, towards, sampling.guidance, sampling.rescale)


class _Keeper:
    """Where the original stays, per step."""

    def __init__(self, original: torch.Tensor, noise: torch.Tensor, mask: npt.NDArray[np.float32], steps: int) -> None:
        if mask.shape != noise.shape[-2:]:
            raise ValueError(f"a mask of {mask.shape} latent pixels for latents of {tuple(noise.shape[-2:])}")
        self.original = original
        per_step = [kept(mask, step, steps) for step in range(steps + 1)]
        self._any = [bool(keeps.any()) for keeps in per_step]
        self._per_step = [torch.from_numpy(keeps).to(noise.device) for keeps in per_step]

    def keeps(self, step: int) -> bool:
        """Whether anything stays before this step; the number of steps asks after the last one."""
        return self._any[step]

    def put_back(self, latents: torch.Tensor, noised: torch.Tensor, step: int) -> torch.Tensor:
        """Latents before `step`, with the noised original where it stays."""
        return torch.where(self._per_step[step], noised, latents)
