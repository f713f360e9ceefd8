"""What the denoise loop asks of a family of models.

A latent is a tensor `[1, channels, height, width]`, float32, on the adapter's device, scaled as the denoiser wants it.
A family that packs its latents into tokens unpacks them again before it returns them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from diffusers.utils.torch_utils import randn_tensor

from protocol import Extent


class UnusableModel(Exception):
    """The files of a model are not what its family can load. The text is a sentence for the painter."""


class UnknownSampler(Exception):
    """The family has no sampler of that name."""


@dataclass(frozen=True)
class Conditioning:
    """What a prompt says to the denoiser.

    `hidden` is `[rows, tokens, width]`: the prompt alone, or for classifier-free guidance the negative prompt and then
    the prompt, in diffusers' order. `unread` is the end of the prompt that the text encoder had no room for.
    """

    hidden: torch.Tensor
    unread: str = ""

    @property
    def rows(self) -> int:
        """How many latents the denoiser sees at once."""
        return self.hidden.shape[0]


@dataclass(frozen=True)
class Encoded:
    """A picture as the VAE sees it: a normal distribution over latents, or a single one where `deviation` is None."""

    mean: torch.Tensor
    deviation: torch.Tensor | None = None

    def sample(self, generator: torch.Generator) -> torch.Tensor:
        """Draw a latent. Takes nothing from the generator when there is only one."""
        if self.deviation is None:
            return self.mean
        drawn: torch.Tensor = randn_tensor(
            self.mean.shape, generator=generator, device=self.mean.device, dtype=torch.float32
        )
        return self.mean + self.deviation * drawn


class Schedule(Protocol):
    """The steps of one picture, from noisy to clean. Steps are taken once, in order, from 0 to `steps` - 1."""

    @property
    def steps(self) -> int:
        """How many times the denoiser is asked; at least 1."""
        ...

    def timestep(self, step: int) -> torch.Tensor:
        """Time of a step as the denoiser knows it, a scalar."""
        ...

    def start(self, noise: torch.Tensor) -> torch.Tensor:
        """Latents to begin with when nothing of an original is to shine through."""
        ...

    def noised(self, original: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
        """The original's latents as noisy as they are before `step`, which is the next one to be taken."""
        ...

    def model_input(self, latents: torch.Tensor, step: int) -> torch.Tensor:
        """Latents before `step`, scaled for the denoiser."""
        ...

    def advance(
        self, output: torch.Tensor, step: int, latents: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents after `step`, and the clean latents that the denoiser's output points at."""
        ...


class Adapter(Protocol):
    """A loaded model of one family. The module that holds it has `load(folder, device, dtype) -> Adapter`."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    @property
    def latent_scale(self) -> int:
        """Pixels of the picture per pixel of the latents, on each side."""
        ...

    @property
    def classifier_free(self) -> bool:
        """Whether guidance takes a second prediction, for the negative prompt. Otherwise the denoiser is told of it."""
        ...

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents of a picture of `extent` pixels. Raises ValueError when no such picture can be made."""
        ...

    def encode_text(self, prompt: str, negative: str | None) -> Conditioning:
        """Encode a prompt; with a negative one (which may be empty) for classifier-free guidance."""
        ...

    def encode_image(self, rgb: torch.Tensor) -> Encoded:
        """Encode a picture `[1, 3, height, width]` of values from -1 to 1, sRGB."""
        ...

    def schedule(self, sampler: str, steps: int, strength: float) -> Schedule:
        """The steps of one picture: all of them at a strength of 1, the last share below it.

        Raises UnknownSampler.
        """
        ...

    def predict(
        self, latents: torch.Tensor, timestep: torch.Tensor, conditioning: Conditioning, guidance: float
    ) -> torch.Tensor:
        """Ask the denoiser. `latents` has as many rows as the conditioning; so has the answer, in float32."""
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode to a picture `[1, 3, height, width]`, float32, about -1 to 1 (not clamped), sRGB."""
        ...

    @property
    def decodes_in_full(self) -> bool:
        """Whether `decode` calculates in float32."""
        ...

    def decode_in_full(self) -> None:
        """From now on calculate in float32 in `decode`."""
        ...


class Load(Protocol):
    """What an adapter's module calls `load`."""

    def __call__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> Adapter:
        """Load a model from a folder in diffusers' layout: from safetensors alone, and never from the net.

        Raises UnusableModel when the files are not of this family; OSError when some are missing.
        """
        ...
