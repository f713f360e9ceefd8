"""Stable Diffusion 3.5, medium and large."""

from __future__ import annotations

from pathlib import Path

from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel

from .layout import save_model, start_over
from .text_encoders import clip_text_projection, t5_text_encoder
from .vaes import kl_vae
from .vocabulary import clip_tokenizer, t5_tokenizer

CLIP_WIDTH = 32
TEXT_WIDTH = 64
"""Of T5; the two CLIP encoders side by side fill it."""


def save_tiny_sd3(folder: Path) -> None:
    """The medium one's kind: normed queries and keys, its first layer with a second attention."""
    start_over()
    _save(folder, dual_attention_layers=(0,))


def save_tiny_sd3_large(folder: Path) -> None:
    """The large one's kind, without the second attention; its T5 was left out, to spare memory."""
    start_over()
    _save(folder, dual_attention_layers=(), reads_t5=False)


def _save(folder: Path, dual_attention_layers: tuple[int, ...], reads_t5: bool = True) -> None:
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=2 * CLIP_WIDTH,
        pos_embed_max_size=96,
        dual_attention_layers=dual_attention_layers,
        qk_norm="rms_norm",
    ).eval()
    save_model(
        folder,
        "StableDiffusion3Pipeline",
        {
            "transformer": transformer,
            "vae": kl_vae(16, scaling_factor=1.5305, shift_factor=0.0609, quant=False),
            "text_encoder": clip_text_projection(CLIP_WIDTH, CLIP_WIDTH, "quick_gelu", layers=3),
            "text_encoder_2": clip_text_projection(CLIP_WIDTH, CLIP_WIDTH, layers=3),
            "text_encoder_3": t5_text_encoder(TEXT_WIDTH) if reads_t5 else None,
            "tokenizer": clip_tokenizer(),
            "tokenizer_2": clip_tokenizer(),
            "tokenizer_3": t5_tokenizer() if reads_t5 else None,
            "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
            "image_encoder": None,
            "feature_extractor": None,
        },
    )
