"""A model's VAE, read by kind: latent channels, and by how much it reduces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from .components import class_of, fits
from .folder import FETCH_AGAIN, ModelFolder
from .problems import NotUsable
from .weights import read_weights

KL: Final = ("AutoencoderKL", "AutoencoderTiny")
"""Of most families; the tiny one of the same latents."""

FLUX2: Final = ("AutoencoderKLFlux2",)
QWEN: Final = ("AutoencoderKLQwenImage",)

STEM: Final = "diffusion_pytorch_model"
NAME: Final = "vae/config.json"


class Latents(NamedTuple):
    """Channels of a latent, pixels per latent on each side, and whether the VAE says of itself that it overflows in float16."""

    channels: int
    scale: int
    overflows: bool = False


@dataclass(frozen=True)
class _KLConfig:
    """Of either kind: AutoencoderTiny names its blocks differently. Defaults as in diffusers."""

    latent_channels: int = 4
    block_out_channels: tuple[int, ...] = (64,)
    decoder_block_out_channels: tuple[int, ...] | None = None
    force_upcast: bool = True


@dataclass(frozen=True)
class _Flux2Config:
    """Defaults as in diffusers."""

    latent_channels: int = 32
    block_out_channels: tuple[int, ...] = (128, 256, 512, 512)
    decoder_block_out_channels: tuple[int, ...] | None = None
    patch_size: tuple[int, ...] = (2, 2)


@dataclass(frozen=True)
class _QwenConfig:
    """Defaults as in diffusers."""

    base_dim: int = 96
    z_dim: int = 16
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    temperal_downsample: tuple[bool, ...] = (False, True, True)
    input_channels: int = 3


def read_kl(folder: ModelFolder, index: dict[str, Any]) -> Latents:
    """Read AutoencoderKL or AutoencoderTiny. Raises NotUsable."""
    tiny = class_of(index, "vae") == "AutoencoderTiny"
    config = folder.read(_KLConfig, NAME)
    blocks = (config.decoder_block_out_channels or (64, 64, 64, 64)) if tiny else config.block_out_channels
    _require_blocks(blocks)
    weights = read_weights(folder, "vae", STEM)
    if tiny:
        fits(weights, "vae", "decoder.layers.0.weight", (blocks[0], config.latent_channels))
    else:
        fits(weights, "vae", "decoder.conv_in.weight", (blocks[-1], config.latent_channels))
    return Latents(config.latent_channels, 2 ** (len(blocks) - 1), config.force_upcast and not tiny)


def read_flux2(folder: ModelFolder) -> Latents:
    """Read AutoencoderKLFlux2. What it calls latents is put together by patches before anybody sees it. Raises NotUsable."""
    config = folder.read(_Flux2Config, NAME)
    blocks = config.decoder_block_out_channels or config.block_out_channels
    _require_blocks(config.block_out_channels)
    _require_blocks(blocks)
    if len(config.patch_size) != 2 or len(set(config.patch_size)) != 1 or not 1 <= config.patch_size[0] <= 8:
        raise NotUsable(f"Its file {NAME} says something impossible. {FETCH_AGAIN}")
    patch = config.patch_size[0]
    weights = read_weights(folder, "vae", STEM)
    fits(weights, "vae", "decoder.conv_in.weight", (blocks[-1], config.latent_channels))
    fits(weights, "vae", "bn.running_mean", (config.latent_channels * patch**2,))
    return Latents(config.latent_channels * patch**2, 2 ** (len(config.block_out_channels) - 1) * patch)


def read_qwen(folder: ModelFolder) -> tuple[Latents, int]:
    """Read AutoencoderKLQwenImage; also the channels of its pictures, 4 with transparency. Raises NotUsable."""
    config = folder.read(_QwenConfig, NAME)
    _require_blocks(config.dim_mult)
    if len(config.temperal_downsample) != len(config.dim_mult) - 1:
        raise NotUsable(f"Its file {NAME} says something impossible. {FETCH_AGAIN}")
    weights = read_weights(folder, "vae", STEM)
    fits(weights, "vae", "decoder.conv_in.weight", (config.base_dim * config.dim_mult[-1], config.z_dim))
    fits(weights, "vae", "encoder.conv_in.weight", (config.base_dim * config.dim_mult[0], config.input_channels))
    return Latents(config.z_dim, 2 ** len(config.temperal_downsample)), config.input_channels


def _require_blocks(blocks: tuple[int, ...]) -> None:
    if not 1 <= len(blocks) <= 8:
        raise NotUsable(f"Its file {NAME} says something impossible. {FETCH_AGAIN}")
