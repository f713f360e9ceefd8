"""What the UNets of Stable Diffusion 1.x and XL are shown, and of which shape their latents are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from protocol import Extent

from .adapter import Beside, UnusableModel
from .vae import PictureCoder


def latent_shape(extent: Extent, coder: PictureCoder) -> tuple[int, ...]:
    """Shape of the latents of a picture; raises ValueError when its sides are no multiples of the latent scale."""
    scale = coder.scale
    if extent.width % scale or extent.height % scale:
        raise ValueError(f"{extent} pixels are no multiple of {scale}")
    return (1, coder.channels, extent.height // scale, extent.width // scale)


def guidance_embedding(parts: Any, guidance: float) -> torch.Tensor | None:  # noqa: ANN401 - untyped library
    """What a UNet is told of the guidance scale, `[1, width]`, where it was distilled to be told (LCM); else None.

    `parts` is the pipeline that holds it. Luo et al. 2023, arXiv 2310.04378, section 4.2: the scale is counted from 0 there.
    """
    width = parts.unet.config.time_cond_proj_dim
    if width is None:
        return None
    embedding: torch.Tensor = parts.get_guidance_scale_embedding(torch.tensor([guidance - 1.0]), width)
    return embedding.to(parts.unet.device, parts.unet.dtype)


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
        shape = latent_shape(extent, self.coder)
        device = self.coder.vae.device
        open_ = torch.ones(1, 1, extent.height, extent.width) if mask is None else mask
        open_ = (open_ >= 0.5).float().to(device)
        seen = torch.zeros(1, 3, extent.height, extent.width) if picture is None else picture
        small = torch.nn.functional.interpolate(open_, shape[-2:])
        return Beside(small, self.coder.encode(seen.to(device) * (open_ < 0.5)))

    def widen(self, latents: torch.Tensor, beside: Beside | None) -> torch.Tensor:
        """Latents with the further channels behind them, `[rows * pictures, 2 * channels + 1, height, width]`."""
        if beside is None or beside.mask is None or beside.masked is None:
            raise ValueError("an inpainting UNet was asked without mask and picture")
        count = len(latents)
        masked = beside.masked.mean
        further = (beside.mask.expand(count, -1, -1, -1), masked.repeat(count // len(masked), 1, 1, 1))
        return torch.cat([latents, *further], dim=1)
