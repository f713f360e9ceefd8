"""FLUX.1: dev, schnell, Fill and Kontext, which differ in inputs, guidance and schedule."""

from __future__ import annotations

from pathlib import Path

from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel

from .layout import save_model, start_over
from .text_encoders import clip_text_encoder, t5_text_encoder
from .vaes import FLUX_CHANNELS, flux_vae
from .vocabulary import clip_tokenizer, t5_tokenizer

PACKED = FLUX_CHANNELS * 4
"""Channels of a token: two by two latents."""

FILL_CHANNELS = PACKED + PACKED + 4 * 8 * 8
"""Latents, latents of the masked picture, and the mask's pixels: two by two latents, eight by eight pixels each."""


def dynamic_shift() -> FlowMatchEulerDiscreteScheduler:
    """The schedule of dev, which moves with the picture's size."""
    return FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True,
        shift=3.0,
        base_shift=0.5,
        max_shift=1.15,
        base_image_seq_len=256,
        max_image_seq_len=4096,
    )


def _save(
    folder: Path,
    pipeline: str,
    in_channels: int = PACKED,
    guided: bool = True,
    scheduler: FlowMatchEulerDiscreteScheduler | None = None,
) -> None:
    start_over()
    transformer = FluxTransformer2DModel(
        patch_size=1,
        in_channels=in_channels,
        out_channels=PACKED,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(4, 4, 8),
        guidance_embeds=guided,
    ).eval()
    save_model(
        folder,
        pipeline,
        {
            "transformer": transformer,
            "vae": flux_vae(),
            "text_encoder": clip_text_encoder(),
            "text_encoder_2": t5_text_encoder(),
            "tokenizer": clip_tokenizer(),
            "tokenizer_2": t5_tokenizer(),
            "scheduler": scheduler or dynamic_shift(),
        },
    )


def save_tiny_flux(folder: Path) -> None:
    """FLUX.1 dev: told of the guidance scale, and shifted by size."""
    _save(folder, "FluxPipeline")


def save_tiny_flux_schnell(folder: Path) -> None:
    """FLUX.1 schnell: without guidance or shift, for four steps."""
    _save(folder, "FluxPipeline", guided=False, scheduler=FlowMatchEulerDiscreteScheduler(shift=1.0))


def save_tiny_flux_fill(folder: Path) -> None:
    """FLUX.1 Fill: takes mask and masked picture beside the latents."""
    _save(folder, "FluxFillPipeline", in_channels=FILL_CHANNELS)


def save_tiny_flux_kontext(folder: Path) -> None:
    """FLUX.1 Kontext: of dev's shapes; a reference picture's tokens come after the latents'."""
    _save(folder, "FluxKontextPipeline")
