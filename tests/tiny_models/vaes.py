"""VAEs of four levels: their latents are eight times smaller than the picture on each side, as the real ones'."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, AutoencoderKLFlux2, AutoencoderKLQwenImage

LEVELS = (8, 8, 8, 8)
"""Channels of each."""

FLUX_CHANNELS = 16
FLUX2_CHANNELS = 32
QWEN_CHANNELS = 16


def kl_vae(
    latent_channels: int = 4, scaling_factor: float = 0.18215, shift_factor: float | None = None, quant: bool = True
) -> AutoencoderKL:
    """The VAE of Stable Diffusion, SDXL, SD3 and FLUX.1; `quant` is whether it has the two convolutions of SD's."""
    return AutoencoderKL(
        sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * len(LEVELS),
        up_block_types=("UpDecoderBlock2D",) * len(LEVELS),
        block_out_channels=LEVELS,
        latent_channels=latent_channels,
        norm_num_groups=4,
        scaling_factor=scaling_factor,
        shift_factor=shift_factor,
        use_quant_conv=quant,
        use_post_quant_conv=quant,
    ).eval()


def flux_vae() -> AutoencoderKL:
    """FLUX.1's, which Chroma, Z-Image, Ovis-Image and LongCat-Image have too."""
    return kl_vae(FLUX_CHANNELS, scaling_factor=0.3611, shift_factor=0.1159, quant=False)


def flux2_vae() -> AutoencoderKLFlux2:
    """FLUX.2's: its latents are put together two by two, sixteen pixels on a side in all."""
    vae = AutoencoderKLFlux2(
        sample_size=64,
        block_out_channels=LEVELS,
        layers_per_block=1,
        latent_channels=FLUX2_CHANNELS,
        norm_num_groups=4,
    ).eval()
    # a mean of 0 and a variance of 1, as it is made with, would show no mistake of those who normalise by them
    vae.bn.running_mean = torch.linspace(-0.5, 0.5, FLUX2_CHANNELS * 4)
    vae.bn.running_var = torch.linspace(0.5, 2.0, FLUX2_CHANNELS * 4)
    return vae


def qwen_vae(channels: int = 3) -> AutoencoderKLQwenImage:
    """Qwen-Image's, made for films; `channels` are the picture's, 4 with transparency."""
    return AutoencoderKLQwenImage(
        base_dim=8, z_dim=QWEN_CHANNELS, dim_mult=[1, 1, 1, 1], num_res_blocks=1, input_channels=channels
    ).eval()
