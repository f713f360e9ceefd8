"""Stable Diffusion XL: the ordinary one, and the one for inpainting alone."""

from __future__ import annotations

from pathlib import Path

from diffusers import EulerDiscreteScheduler, UNet2DConditionModel

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


def _unet(in_channels: int) -> UNet2DConditionModel:
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
        addition_embed_type="text_time",
        addition_time_embed_dim=SIZE_WIDTH,
        projection_class_embeddings_input_dim=PROJECTION + 6 * SIZE_WIDTH,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    ).eval()


def _save(folder: Path, pipeline: str, in_channels: int) -> None:
    start_over()
    save_model(
        folder,
        pipeline,
        {
            "vae": kl_vae(scaling_factor=0.13025),
            "text_encoder": clip_text_encoder(FIRST_WIDTH, layers=3),
            "text_encoder_2": clip_text_projection(SECOND_WIDTH, PROJECTION, layers=3),
            "tokenizer": clip_tokenizer(),
            "tokenizer_2": clip_tokenizer(),
            "unet": _unet(in_channels),
            "scheduler": EulerDiscreteScheduler(
                beta_start=0.00085,
                beta_end=0.012,
                beta_schedule="scaled_linear",
                steps_offset=1,
                timestep_spacing="leading",
            ),
            "feature_extractor": None,
            "image_encoder": None,
        },
        force_zeros_for_empty_prompt=True,
    )


def save_tiny_sdxl(folder: Path) -> None:
    """With the base model's settings."""
    _save(folder, "StableDiffusionXLPipeline", 4)


def save_tiny_sdxl_inpaint(folder: Path) -> None:
    """Its UNet takes mask and masked picture beside the latents."""
    _save(folder, "StableDiffusionXLInpaintPipeline", INPAINTING_CHANNELS)
