"""FLUX.2: dev with Mistral 3, and Klein with Qwen 3."""

from __future__ import annotations

from pathlib import Path

from diffusers import FlowMatchEulerDiscreteScheduler, Flux2Transformer2DModel
from transformers import PixtralImageProcessorPil

from .layout import Processor, save_model, start_over
from .text_encoders import mistral3_text_encoder, qwen3_causal
from .vaes import FLUX2_CHANNELS, flux2_vae
from .vocabulary import mistral_tokenizer, qwen_tokenizer

TEXT_WIDTH = 16
TAPPED = 3
"""Layers of the text encoder, side by side."""


def _transformer(guided: bool) -> Flux2Transformer2DModel:
    return Flux2Transformer2DModel(
        patch_size=1,
        in_channels=FLUX2_CHANNELS * 4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_WIDTH * TAPPED,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guided,
    ).eval()


def _schedule() -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0)


def save_tiny_flux2(folder: Path) -> None:
    """FLUX.2 dev. Of the processor that is its tokenizer, torchvision is wanted for the whole, but not for its parts."""
    start_over()
    pictures = PixtralImageProcessorPil(size={"longest_edge": 56}, patch_size={"height": 14, "width": 14})
    processor = Processor(
        "PixtralProcessor", (mistral_tokenizer(), pictures), (("patch_size", 14), ("spatial_merge_size", 2))
    )
    save_model(
        folder,
        "Flux2Pipeline",
        {
            "transformer": _transformer(guided=True),
            "vae": flux2_vae(),
            "text_encoder": mistral3_text_encoder(TEXT_WIDTH),
            "tokenizer": processor,
            "scheduler": _schedule(),
        },
    )


def _save_klein(folder: Path, distilled: bool) -> None:
    start_over()
    save_model(
        folder,
        "Flux2KleinPipeline",
        {
            "transformer": _transformer(guided=False),
            "vae": flux2_vae(),
            "text_encoder": qwen3_causal(TEXT_WIDTH),
            "tokenizer": qwen_tokenizer(),
            "scheduler": _schedule(),
        },
        is_distilled=distilled,
    )


def save_tiny_flux2_klein(folder: Path) -> None:
    """FLUX.2 Klein, distilled to four steps without guidance."""
    _save_klein(folder, distilled=True)


def save_tiny_flux2_klein_base(folder: Path) -> None:
    """FLUX.2 Klein Base, with classifier-free guidance."""
    _save_klein(folder, distilled=False)
