"""Qwen-Image: from words, from a picture and words, from several, and in layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageTransformer2DModel

from .layout import save_model, start_over
from .text_encoders import qwen25vl_text_encoder, qwen_vl_processor
from .vaes import QWEN_CHANNELS, qwen_vae
from .vocabulary import qwen_tokenizer

TEXT_WIDTH = 16


def _components(channels: int = 3, **transformer: bool) -> dict[str, Any]:
    start_over()
    return {
        "transformer": QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=QWEN_CHANNELS * 4,
            out_channels=QWEN_CHANNELS,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=3,
            joint_attention_dim=TEXT_WIDTH,
            axes_dims_rope=(8, 4, 4),
            **transformer,
        ).eval(),
        "vae": qwen_vae(channels),
        "text_encoder": qwen25vl_text_encoder(TEXT_WIDTH),
        "tokenizer": qwen_tokenizer(),
        "scheduler": FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True,
            base_shift=0.5,
            max_shift=0.9,
            base_image_seq_len=256,
            max_image_seq_len=8192,
            shift_terminal=0.02,
        ),
    }


def save_tiny_qwen(folder: Path) -> None:
    """Qwen-Image."""
    save_model(folder, "QwenImagePipeline", _components())


def save_tiny_qwen_edit(folder: Path) -> None:
    """Qwen-Image-Edit: one picture and what to do with it."""
    save_model(folder, "QwenImageEditPipeline", {**_components(), "processor": qwen_vl_processor()})


def save_tiny_qwen_edit_plus(folder: Path) -> None:
    """Qwen-Image-Edit-2511: up to three pictures, whose tokens stand at time zero."""
    components = _components(zero_cond_t=True)
    save_model(folder, "QwenImageEditPlusPipeline", {**components, "processor": qwen_vl_processor()})


def save_tiny_qwen_layered(folder: Path) -> None:
    """Qwen-Image-Layered: takes a picture apart into layers with transparency."""
    components = _components(channels=4, use_additional_t_cond=True, use_layer3d_rope=True)
    save_model(folder, "QwenImageLayeredPipeline", {**components, "processor": qwen_vl_processor()})
