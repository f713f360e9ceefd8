"""Stable Diffusion 1.5: the ordinary one, the one for inpainting alone, and one that predicts velocity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import DDIMScheduler, UNet2DConditionModel

from .layout import save_model, start_over
from .text_encoders import clip_text_encoder
from .vaes import kl_vae
from .vocabulary import clip_tokenizer

INPAINTING_CHANNELS = 9
"""Latents, mask, and latents of the masked picture."""


def _unet(in_channels: int) -> UNet2DConditionModel:
    """Two levels, the lower one with attention to the text."""
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        cross_attention_dim=32,
        attention_head_dim=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    ).eval()


def _save(folder: Path, pipeline: str, in_channels: int, **trained: Any) -> None:
    start_over()
    save_model(
        folder,
        pipeline,
        {
            "vae": kl_vae(),
            "text_encoder": clip_text_encoder(),
            "tokenizer": clip_tokenizer(),
            "unet": _unet(in_channels),
            "scheduler": DDIMScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                clip_sample=False,
                set_alpha_to_one=False,
                steps_offset=1,
                **trained,
            ),
            "safety_checker": None,
            "feature_extractor": None,
            "image_encoder": None,
        },
        requires_safety_checker=False,
    )


def save_tiny_sd15(folder: Path) -> None:
    """With Stable Diffusion 1.5's own betas."""
    _save(folder, "StableDiffusionPipeline", 4)


def save_tiny_sd15_inpaint(folder: Path) -> None:
    """Its UNet takes mask and masked picture beside the latents."""
    _save(folder, "StableDiffusionInpaintPipeline", INPAINTING_CHANNELS)


def save_tiny_sd15_velocity(folder: Path) -> None:
    """It predicts velocity, up to zero terminal SNR (Lin et al. 2024, arXiv 2305.08891)."""
    velocity = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    _save(folder, "StableDiffusionPipeline", 4, **velocity)
