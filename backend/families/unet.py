"""What Stable Diffusion 1.x and XL have in common: UNets, what they are shown, and their steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from protocol import Extent

from .adapter import Beside, UnusableModel
from .agreement import agree_on_latents
from .base import CodedModel
from .schedule import DiffusionSchedule
from .turns import device_of
from .vae import PictureCoder


def guidance_embedding(parts: Any, guidance: float) -> torch.Tensor | None:  # noqa: ANN401 - untyped library
    """What a UNet is told of the guidance scale, `[1, width]`, where it was distilled to be told (LCM); else None.

    `parts` is the pipeline that holds it. Luo et al. 2023, arXiv 2310.04378, section 4.2: the scale is counted from 0 there.
    """
    width = parts.unet.config.time_cond_proj_dim
    if width is None:
        return None
    embedding: torch.Tensor = parts.get_guidance_scale_embedding(torch.tensor([guidance - 1.0]), width)
    return embedding.to(device_of(parts.unet), parts.unet.dtype)


@dataclass(frozen=True)
class InpaintingInput:
    """The channels that an inpainting UNet takes beside the latents: mask, and latents of the picture without what may change."""

    coder: PictureCoder

    @classmethod
    def of(cls, unet: Any, coder: PictureCoder) -> InpaintingInput | None:  # noqa: ANN401 - untyped library
        """What this UNet takes; None for one that takes latents alone. Raises UnusableModel for any other."""
        channels = unet.config.in_channels
        if channels == coder.channels:
            return None
        if channels == 2 * coder.channels + 1:
            return cls(coder)
        raise UnusableModel("Its denoiser takes more than a picture and a mask.")

    def beside(self, picture: torch.Tensor | None, mask: torch.Tensor | None, extent: Extent) -> Beside:
        """As diffusers' inpainting pipelines have it: the mask is cut at one half, and what may change is grey."""
        device = device_of(self.coder.vae)
        open_ = torch.ones(1, 1, extent.height, extent.width) if mask is None else mask
        open_ = (open_ >= 0.5).float().to(device)
        seen = torch.zeros(1, 3, extent.height, extent.width) if picture is None else picture
        small = torch.nn.functional.interpolate(open_, scale_factor=1 / self.coder.scale)
        return Beside(small, self.coder.encode(seen.to(device) * (open_ < 0.5)))

    def widen(self, latents: torch.Tensor, beside: Beside | None) -> torch.Tensor:
        """Latents with the further channels behind them, `[rows * pictures, 2 * channels + 1, height, width]`."""
        if beside is None or beside.mask is None or beside.masked is None:
            raise ValueError("an inpainting UNet was asked without mask and picture")
        count = len(latents)
        masked = beside.masked.mean
        further = (beside.mask.expand(count, -1, -1, -1), masked.repeat(count // len(masked), 1, 1, 1))
        return torch.cat([latents, *further], dim=1)


class UNetModel(CodedModel):
    """A model of such a UNet; a family's adapter adds text and denoiser.

    `parts` is diffusers' pipeline, a bag of components with helpers that is never called; `scheduler` is its scheduler's
    configuration. Raises UnusableModel for a UNet that is shown something else.
    """

    def __init__(self, parts: Any, coder: PictureCoder, scheduler: dict[str, Any]) -> None:  # noqa: ANN401
        super().__init__(coder, parts._execution_device)
        self._parts = parts
        self._unet: Any = parts.unet
        self._scheduler = scheduler
        agree_on_latents(self._unet.config.out_channels, coder.channels)
        self._inpainting = InpaintingInput.of(self._unet, coder)
        self.takes_mask = self._inpainting is not None

    @property
    def classifier_free(self) -> bool:
        """True but for models distilled to take the guidance scale as an input (LCM)."""
        return self._unet.config.time_cond_proj_dim is None

    def beside(
        self,
        picture: torch.Tensor | None,
        mask: torch.Tensor | None,
        references: Sequence[torch.Tensor],
        extent: Extent,
    ) -> Beside | None:
        """Mask and masked picture for an inpainting UNet."""
        return None if self._inpainting is None else self._inpainting.beside(picture, mask, extent)

    def schedule(self, sampler: str, steps: int, strength: float, extent: Extent) -> DiffusionSchedule:
        """The steps of one picture, by the model's own betas, prediction type and spacing."""
        return DiffusionSchedule(self._scheduler, sampler, steps, strength, self.device)

    def _ask(
        self,
        latents: torch.Tensor,
        timestep: torch.Tensor,
        hidden: torch.Tensor,
        guidance: float,
        beside: Beside | None,
        added: dict[str, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Ask the UNet about `latents` with text `hidden`, one row for each of them; `added` is what it is told besides."""
        shown = latents if self._inpainting is None else self._inpainting.widen(latents, beside)
        output = self._unet(
            shown.to(self._unet.dtype),
            timestep,
            encoder_hidden_states=hidden,
            timestep_cond=guidance_embedding(self._parts, guidance),
            added_cond_kwargs=added,
            return_dict=False,
        )[0]
        predicted: torch.Tensor = output.float()
        return predicted
