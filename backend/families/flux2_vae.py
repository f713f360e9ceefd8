"""FLUX.2's VAE: what it makes is put together by patches of two by two and normalised, and only then a latent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKLFlux2
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from .adapter import Encoded, UnusableModel
from .components import load_model, read_config
from .turns import device_of

CLASS: Final = "AutoencoderKLFlux2"


def load_flux2_vae(folder: Path, dtype: torch.dtype) -> PatchCoder:
    """Load the VAE of a model in diffusers' layout. Raises UnusableModel when it is of another kind."""
    if read_config(folder, "vae").get("_class_name") != CLASS:
        raise UnusableModel("Its VAE is of a kind that its family does not have.")
    return PatchCoder(load_model(AutoencoderKLFlux2, folder / "vae", dtype))


class PatchCoder:
    """Pictures to latents and back: sixteen pixels on a side where the VAE reduces by eight, with four times its channels.

    A picture is encoded as the middle of the VAE's distribution, as diffusers' pipelines of FLUX.2 do it.
    """

    def __init__(self, vae: Any) -> None:  # noqa: ANN401 - untyped library
        self.vae = vae
        rows, columns = vae.config.patch_size
        if rows != columns:
            raise UnusableModel("The patches of its VAE are not square.")
        self._patch: int = rows
        running = vae.bn.running_var.float() + vae.config.batch_norm_eps
        self._mean: torch.Tensor = vae.bn.running_mean.float().view(1, -1, 1, 1)
        self._deviation: torch.Tensor = running.sqrt().view(1, -1, 1, 1)

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        channels: int = self.vae.config.latent_channels
        return channels * self._patch**2

    @property
    def scale(self) -> int:
        """Pixels per latent on each side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1)) * self._patch

    def encode(self, rgb: torch.Tensor) -> Encoded:
        """Encode pictures `[n, 3, height, width]`, -1 to 1, of sides that are multiples of the scale."""
        found = self.vae.encode(rgb.to(device_of(self.vae), self.vae.dtype)).latent_dist.mode().float()
        patches = pixel_unshuffle(found, self._patch)
        return Encoded((patches - self._mean.to(patches)) / self._deviation.to(patches))

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode in the VAE's dtype; the answer is float32."""
        patches = latents * self._deviation.to(latents) + self._mean.to(latents)
        rgb: torch.Tensor = self.vae.decode(pixel_shuffle(patches, self._patch).to(self.vae.dtype), return_dict=False)[
            0
        ]
        return rgb.float()

    @property
    def in_full(self) -> bool:
        """Whether the VAE is in float32."""
        dtype: torch.dtype = self.vae.dtype
        return dtype == torch.float32

    def turn_full(self) -> None:
        """Turn the VAE to float32."""
        self.vae.to(torch.float32)
