"""The VAEs that most families share: AutoencoderKL, and the tiny one of the same latents."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, AutoencoderTiny

from .adapter import Encoded, UnusableModel
from .components import load_model, read_config
from .turns import device_of

CLASSES: Final = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


def load_vae(folder: Path, dtype: torch.dtype) -> PictureCoder:
    """Load the VAE of a model in diffusers' layout. Raises UnusableModel when it is of another kind."""
    vae_class = CLASSES.get(read_config(folder, "vae").get("_class_name", ""))
    if vae_class is None:
        raise UnusableModel("Its VAE is of a kind that its family does not have.")
    return PictureCoder(load_model(vae_class, folder / "vae", dtype))


class PictureCoder:
    """Pictures to latents and back, by a VAE's own scaling and shift."""

    def __init__(self, vae: Any) -> None:  # noqa: ANN401 - untyped library
        self.vae = vae
        shift = vae.config.get("shift_factor")
        self._shift: float = 0.0 if shift is None else shift
        self._scale: float = vae.config.scaling_factor

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        channels: int = self.vae.config.latent_channels
        return channels

    @property
    def scale(self) -> int:
        """Pixels per latent on each side."""
        tiny = isinstance(self.vae, AutoencoderTiny)
        blocks = self.vae.config.decoder_block_out_channels if tiny else self.vae.config.block_out_channels
        return int(2 ** (len(blocks) - 1))

    def encode(self, rgb: torch.Tensor) -> Encoded:
        """Encode pictures `[n, 3, height, width]`, -1 to 1; the tiny VAE knows no deviation.

        In half precision a VAE may overflow. It is turned to float32 then, for what it decodes as well.
        """
        encoded = self._encode(rgb)
        if not self.in_full and not bool(torch.isfinite(encoded.mean).all()):
            self.turn_full()
            encoded = self._encode(rgb)
        return encoded

    def _encode(self, rgb: torch.Tensor) -> Encoded:
        encoded = self.vae.encode(rgb.to(device_of(self.vae), self.vae.dtype))
        if isinstance(self.vae, AutoencoderTiny):
            return Encoded((encoded.latents.float() - self._shift) * self._scale)
        found = encoded.latent_dist
        return Encoded((found.mean.float() - self._shift) * self._scale, found.std.float() * self._scale)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode in the VAE's dtype; the answer is float32."""
        scaled = latents / self._scale + self._shift
        rgb: torch.Tensor = self.vae.decode(scaled.to(self.vae.dtype), return_dict=False)[0].float()
        return rgb

    @property
    def in_full(self) -> bool:
        """Whether the VAE is in float32."""
        dtype: torch.dtype = self.vae.dtype
        return dtype == torch.float32

    def turn_full(self) -> None:
        """Turn the VAE to float32."""
        self.vae.to(torch.float32)
