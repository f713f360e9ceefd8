"""What the denoise loop asks of a family of models.

Latents are tensors `[pictures, channels, height, width]`, float32, on the adapter's device, scaled as the denoiser wants
them. A family that packs its latents into tokens unpacks them again before it returns them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from diffusers.utils.torch_utils import randn_tensor

from backend.prompts import Prompt
from protocol import Extent

from .turns import Place, whole


class UnusableModel(Exception):
    """The files of a model are not what its family can load. The text is a sentence for the painter."""


class NoSuchLayer(Exception):
    """The text encoder has fewer layers than were to be skipped. The text is a sentence for the painter."""


class UnknownSampler(Exception):
    """The family has no sampler of that name."""


@dataclass(frozen=True)
class Conditioning:
    """What a prompt says to the denoiser; a family's own derives from it and holds the tensors.

    `guided` says whether the negative prompt is in it too: the denoiser then sees every latent twice, first for the
    negative prompt and then for the prompt, in diffusers' order. `unread` is the end of the prompt that the text encoder
    had no room for.
    """

    guided: bool
    unread: str = field(default="", kw_only=True)

    @property
    def rows(self) -> int:
        """How often the denoiser sees each latent."""
        return 2 if self.guided else 1


@dataclass(frozen=True)
class Encoded:
    """A picture as the VAE sees it: a normal distribution over latents, or a single one where `deviation` is None.

    `[1, channels, height, width]`, both.
    """

    mean: torch.Tensor
    deviation: torch.Tensor | None = None

    def sample(self, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Draw a latent for each generator, `[count, ...]`. Takes nothing from them when there is only one."""
        if self.deviation is None:
            return self.mean.expand(len(generators), *self.mean.shape[1:])
        return self.mean + self.deviation * noise_like(self.mean, generators)


def noise_like(latent: torch.Tensor, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Normal noise `[count, ...]` for latents `[1, ...]`, each row from its own generator: the same alone or among others."""
    shape = (len(generators), *latent.shape[1:])
    drawn: torch.Tensor = randn_tensor(shape, generator=list(generators), device=latent.device, dtype=torch.float32)
    return drawn


@dataclass(frozen=True)
class Beside:
    """What a denoiser is shown beside the latents that it works on.

    `mask` and `masked` are for those that take a mask: how much may change, 0 to 1, and the picture without what may, in
    the form of the family, `[1, k, height, width]` each. `references` are whole pictures as latents, for those that edit.
    """

    mask: torch.Tensor | None = None
    masked: Encoded | None = None
    references: tuple[torch.Tensor, ...] = ()

    def drawn(self, generators: Sequence[torch.Generator]) -> Beside:
        """The same with `masked` a single latent for each generator, `[count, ...]`."""
        if self.masked is None:
            return self
        return replace(self, masked=Encoded(self.masked.sample(generators)))


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
        self, output: torch.Tensor, step: int, latents: torch.Tensor, generators: Sequence[torch.Generator]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents after `step`, and the clean latents that the denoiser's output points at.

        Each picture has a generator of its own, so that it is the same alone or among others.
        """
        ...


class Adapter(Protocol):
    """A loaded model of one family. The module that holds it has `load(folder, device, dtype) -> Adapter`."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        ...

    @property
    def parts(self) -> Any:  # noqa: ANN401 - untyped library
        """diffusers' pipeline that holds the components, for what changes them: see `lora`. It is never called; None where none does."""
        ...

    @property
    def latent_scale(self) -> int:
        """Pixels of the picture per pixel of the latents, on each side."""
        ...

    @property
    def classifier_free(self) -> bool:
        """Whether guidance takes a second prediction, for the negative prompt. Otherwise the denoiser is told of it."""
        ...

    @property
    def takes_mask(self) -> bool:
        """Whether the denoiser itself is shown mask and masked picture: it then knows what to leave alone."""
        ...

    @property
    def references(self) -> int:
        """How many whole pictures the model can be shown to work from; 0 for most."""
        ...

    def latent_shape(self, extent: Extent) -> tuple[int, ...]:
        """Shape of the latents of a picture of `extent` pixels. Raises ValueError when no such picture can be made."""
        ...

    def encode_text(
        self, prompt: Prompt, negative: Prompt | None, references: Sequence[torch.Tensor] = ()
    ) -> Conditioning:
        """Encode a prompt; with a negative one (which may be empty) for classifier-free guidance.

        Families whose facts take no weights find none, and no BREAK: they read `prompt.text`. Raises NoSuchLayer.

        `references` are pictures as `encode_image` takes them, for the models that read them along with the prompt.
        """
        ...

    def encode_image(self, rgb: torch.Tensor) -> Encoded:
        """Encode a picture `[1, 3, height, width]` of values from -1 to 1, sRGB."""
        ...

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """What the denoiser is to see beside the latents of a picture of `extent` pixels; None where it takes nothing.

        `picture` and `references` are as `encode_image` takes them, `mask` is `[1, 1, height, width]`, 1 where all may
        change. Without picture or mask all of it may.
        """
        ...

    def schedule(self, sampler: str, steps: int, strength: float, extent: Extent) -> Schedule:
        """The steps of a picture of `extent` pixels: all of them at a strength of 1, the last share below it.

        Raises UnknownSampler.
        """
        ...

    def predict(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        conditioning: Conditioning,
        guidance: float,
        beside: Beside | None = None,
    ) -> torch.Tensor:
        """Ask the denoiser about `latents` `[rows * count, ...]`; the answer has the same shape, in float32.

        The conditioning's rows come one after the other, each with all pictures; `beside` has them once.
        """
        ...

    def guide(self, away: torch.Tensor, towards: torch.Tensor, guidance: float, rescale: float) -> torch.Tensor:
        """Put the two predictions of classifier-free guidance together, in the family's way; see `guidance`."""
        ...

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode latents `[1, ...]` to a picture `[1, 3, height, width]`, float32, about -1 to 1 (not clamped), sRGB."""
        ...

    def seen(self, latents: torch.Tensor) -> torch.Tensor:
        """The part of latents `[n, ...]` that looks like the picture: for previews, `[n, k, height, width]`."""
        ...

    @property
    def decodes_in_full(self) -> bool:
        """Whether `decode` calculates in float32."""
        ...

    def decode_in_full(self) -> None:
        """From now on calculate in float32 in `decode`."""
        ...


@runtime_checkable
class LayeredAdapter(Adapter, Protocol):
    """A model that takes a picture apart into layers; its latents hold the whole picture again, and every layer."""

    def of_layers(self, layers: int) -> LayeredAdapter:
        """The same model, which makes that many layers. Raises ValueError for a number that it cannot make."""
        ...

    def split(self, latents: torch.Tensor) -> Sequence[torch.Tensor]:
        """The latents `[1, k, height, width]` of each layer, the lowest first, out of latents `[1, ...]`."""
        ...

    def decode_layer(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode one of the latents of `split` to a layer `[1, 4, height, width]`, float32, about -1 to 1, sRGB.

        Colours are not multiplied with the transparency, which goes from -1, nothing, to 1, opaque.
        """
        ...


class Load(Protocol):
    """What an adapter's module calls `load`."""

    def __call__(self, folder: Path, device: torch.device, dtype: torch.dtype, place: Place = whole) -> Adapter:
        """Load a model from a folder in diffusers' layout: from safetensors alone, and never from the net.

        It comes into the computer's memory, and `place` takes its components from there to the device. Raises UnusableModel when the files are not of this family; OSError when some are missing.
        """
        ...
