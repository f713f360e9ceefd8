"""Chroma: FLUX.1 schnell's shape with one text encoder and a modulation of its own."""

from __future__ import annotations

from pathlib import Path

from diffusers import ChromaTransformer2DModel, FlowMatchEulerDiscreteScheduler

from .flux import PACKED
from .layout import save_model, start_over
from .text_encoders import t5_text_encoder
from .vaes import flux_vae
from .vocabulary import t5_tokenizer


def save_tiny_chroma(folder: Path) -> None:
    """Chroma1."""
    start_over()
    transformer = ChromaTransformer2DModel(
        in_channels=PACKED,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        axes_dims_rope=(4, 4, 8),
        approximator_hidden_dim=32,
        approximator_layers=1,
        approximator_num_channels=16,
    ).eval()
    save_model(
        folder,
        "ChromaPipeline",
        {
            "transformer": transformer,
            "vae": flux_vae(),
            "text_encoder": t5_text_encoder(),
            "tokenizer": t5_tokenizer(),
            "scheduler": FlowMatchEulerDiscreteScheduler(),
            "image_encoder": None,
            "feature_extractor": None,
        },
    )
