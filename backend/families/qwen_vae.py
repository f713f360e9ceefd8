"""Qwen-Image's VAE, which was made for films: a picture is a film of one frame. With transparency it has four colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKLQwenImage

from .adapter import Encoded, UnusableModel
from .components import load_model, read_config
from .turns import device_of

COLOURS: Final = 3
"""Red, green and blue; transparency comes after them."""


def load_qwen_vae(folder: Path, dtype: torch.dtype) -> FrameCoder:
    """Load the VAE of a model in diffusers' layout. Raises UnusableModel when it is of another kind."""
    if read_config(folder, "vae").get("_class_name") != AutoencoderKLQwenImage.__name__:
        raise UnusableModel("Its VAE is of a kind that its family does not have.")
    vae = load_model(AutoencoderKLQwenImage, folder / "vae", dtype)
    config = vae.config
    if not config.z_dim == len(config.latents_mean) == len(config.latents_std):
        raise UnusableModel("Its VAE does not say how large its latents are.")
    if config.input_channels not in (COLOURS, COLOURS + 1):
        raise UnusableModel("Its VAE knows other colours than red, green and blue, and transparency.")
    return FrameCoder(vae)


class FrameCoder:
    """Pictures to latents and back, by the mean and deviation that the VAE knows of each of its channels."""

    def __init__(self, vae: Any) -> None:  # noqa: ANN401 - untyped library
        self.vae = vae
        self._mean = torch.tensor(vae.config.latents_mean).view(1, -1, 1, 1)
        self._deviation = torch.tensor(vae.config.latents_std).view(1, -1, 1, 1)

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        channels: int = self.vae.config.z_dim
        return channels

    @property
    def colours(self) -> int:
        """Channels of a picture: 3, or 4 with transparency."""
        colours: int = self.vae.config.input_channels
        return colours

    @property
    def scale(self) -> int:
        """Pixels per latent on each side."""
        return int(2 ** len(self.vae.config.temperal_downsample))

    def encode(self, picture: torch.Tensor) -> Encoded:
        """Encode pictures `[n, colours, height, width]`, -1 to 1; one without transparency is opaque where there could be some."""
        if picture.shape[1] < self.colours:
            picture = torch.cat([picture, torch.ones_like(picture[:, :1])], dim=1)
        frames = picture.to(device_of(self.vae), self.vae.dtype)[:, :, None]
        found = self.vae.encode(frames).latent_dist
        mean, deviation = self._mean.to(frames.device), self._deviation.to(frames.device)
        return Encoded((found.mean[:, :, 0].float() - mean) / deviation, found.std[:, :, 0].float() / deviation)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode in the VAE's dtype, without transparency; the answer is float32."""
        return self.decode_all(latents)[:, :COLOURS]

    def decode_all(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode to pictures of all colours, in float32; transparency is as -1 to 1 too, from nothing to opaque."""
        frames = latents * self._deviation.to(latents.device) + self._mean.to(latents.device)
        decoded: torch.Tensor = self.vae.decode(frames[:, :, None].to(self.vae.dtype), return_dict=False)[0]
        return decoded[:, :, 0].float()

    @property
    def in_full(self) -> bool:
        """Whether the VAE is in float32."""
        dtype: torch.dtype = self.vae.dtype
        return dtype == torch.float32

    def turn_full(self) -> None:
        """Turn the VAE to float32."""
        self.vae.to(torch.float32)
