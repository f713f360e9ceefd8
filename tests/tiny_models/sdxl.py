"""Stable Diffusion XL: the ordinary one, the one for inpainting alone, and those that were trained or distilled in another way."""

from __future__ import annotations

from pathlib import Path

from diffusers import (
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    SchedulerMixin,
    UNet2DConditionModel,
)

from .layout import save_model, start_over
from .sd15 import INPAINTING_CHANNELS
from .text_encoders import clip_text_encoder, clip_text_projection
from .vaes import kl_vae
from .vocabulary import clip_tokenizer

# they must differ: diffusers tells one encoder's weights from the other's by their width
FIRST_WIDTH, SECOND_WIDTH = 32, 64
PROJECTION = 32
SIZE_WIDTH = 8
"""Of the embedding of each of the six numbers for size and crop."""

GUIDANCE_WIDTH = 16
"""Of the embedding of the guidance scale, in a UNet that is told of it."""

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def _unet(in_channels: int, time_cond_proj_dim: int | None = None) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        in_channels=in_channels,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        cross_attention_dim=FIRST_WIDTH + SECOND_WIDTH,
        attention_head_dim=(2, 4),
        transformer_layers_per_block=(1, 2),
        use_linear_projection=True,
        time_cond_proj_dim=time_cond_proj_dim,
        addition_embed_type="text_time",
        addition_time_embed_dim=SIZE_WIDTH,
        projection_class_embeddings_input_dim=PROJECTION + 6 * SIZE_WIDTH,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    ).eval()


def _save(folder: Path, pipeline: str, unet: UNet2DConditionModel, scheduler: SchedulerMixin) -> None:
    save_model(
        folder,
        pipeline,
        {
            "vae": kl_vae(scaling_factor=0.13025),
            "text_encoder": clip_text_encoder(FIRST_WIDTH, layers=3),
            "text_encoder_2": clip_text_projection(SECOND_WIDTH, PROJECTION, layers=3),
            "tokenizer": clip_tokenizer(),
            "tokenizer_2": clip_tokenizer(),
            "unet": unet,
            "scheduler": scheduler,
            "feature_extractor": None,
            "image_encoder": None,
        },
        force_zeros_for_empty_prompt=True,
    )


def _base_scheduler() -> EulerDiscreteScheduler:
    return EulerDiscreteScheduler(**BETAS, steps_offset=1, timestep_spacing="leading")


def save_tiny_sdxl(folder: Path) -> None:
    """With the base model's settings."""
    start_over()
    _save(folder, "StableDiffusionXLPipeline", _unet(4), _base_scheduler())


def save_tiny_sdxl_inpaint(folder: Path) -> None:
    """Its UNet takes mask and masked picture beside the latents."""
    start_over()
    _save(folder, "StableDiffusionXLInpaintPipeline", _unet(INPAINTING_CHANNELS), _base_scheduler())


def save_tiny_sdxl_velocity(folder: Path) -> None:
    """It predicts velocity, up to zero terminal SNR, as NoobAI's does."""
    start_over()
    scheduler = EulerDiscreteScheduler(
        **BETAS, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
    )
    _save(folder, "StableDiffusionXLPipeline", _unet(4), scheduler)


def save_tiny_sdxl_turbo(folder: Path) -> None:
    """Turbo's schedule: few steps, from the noisiest time on."""
    start_over()
    scheduler = EulerAncestralDiscreteScheduler(**BETAS, steps_offset=1, timestep_spacing="trailing")
    _save(folder, "StableDiffusionXLPipeline", _unet(4), scheduler)


def save_tiny_sdxl_lcm(folder: Path) -> None:
    """A latent consistency model: its UNet is told of the guidance."""
    start_over()
    _save(folder, "StableDiffusionXLPipeline", _unet(4, GUIDANCE_WIDTH), LCMScheduler(**BETAS))
