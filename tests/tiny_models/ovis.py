"""Ovis-Image."""

from __future__ import annotations

from pathlib import Path

from diffusers import OvisImageTransformer2DModel

from .flux import PACKED, dynamic_shift
from .layout import save_model, start_over
from .text_encoders import qwen3_text_encoder
from .vaes import flux_vae
from .vocabulary import qwen_tokenizer

TEXT_WIDTH = 32


def save_tiny_ovis(folder: Path) -> None:
    """Ovis-Image, whose VAE is FLUX.1's."""
    start_over()
    transformer = OvisImageTransformer2DModel(
        in_channels=PACKED,
        out_channels=PACKED,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_WIDTH,
        axes_dims_rope=(4, 4, 8),
    ).eval()
    save_model(
        folder,
        "OvisImagePipeline",
        {
            "transformer": transformer,
            "vae": flux_vae(),
            "text_encoder": qwen3_text_encoder(TEXT_WIDTH),
            "tokenizer": qwen_tokenizer(),
            "scheduler": dynamic_shift(),
        },
    )
