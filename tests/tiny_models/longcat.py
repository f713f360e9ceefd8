"""LongCat-Image, and the one that edits."""

from __future__ import annotations

from pathlib import Path

from diffusers import LongCatImageTransformer2DModel

from .flux import PACKED, dynamic_shift
from .layout import save_model, start_over
from .text_encoders import qwen25vl_text_encoder, qwen_vl_processor
from .vaes import flux_vae
from .vocabulary import qwen_tokenizer

TEXT_WIDTH = 16


def _save(folder: Path, pipeline: str) -> None:
    start_over()
    transformer = LongCatImageTransformer2DModel(
        in_channels=PACKED,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=TEXT_WIDTH,
        axes_dims_rope=[4, 4, 8],
    ).eval()
    save_model(
        folder,
        pipeline,
        {
            "transformer": transformer,
            "vae": flux_vae(),
            "text_encoder": qwen25vl_text_encoder(TEXT_WIDTH),
            "tokenizer": qwen_tokenizer(),
            "text_processor": qwen_vl_processor(),
            "scheduler": dynamic_shift(),
        },
    )


def save_tiny_longcat(folder: Path) -> None:
    """LongCat-Image. Its pipeline rewrites prompts unless it is told `enable_prompt_rewrite=False`."""
    _save(folder, "LongCatImagePipeline")


def save_tiny_longcat_edit(folder: Path) -> None:
    """LongCat-Image-Edit: one picture and what to do with it."""
    _save(folder, "LongCatImageEditPipeline")
