"""Z-Image: the turbo one's schedule."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImageTransformer2DModel

from .layout import save_model, start_over
from .text_encoders import qwen3_text_encoder
from .vaes import FLUX_CHANNELS, flux_vae
from .vocabulary import qwen_tokenizer

TEXT_WIDTH = 16


def save_tiny_zimage(folder: Path) -> None:
    """Z-Image Turbo."""
    start_over()
    transformer = ZImageTransformer2DModel(
        in_channels=FLUX_CHANNELS,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=TEXT_WIDTH,
        axes_dims=[8, 4, 4],
        axes_lens=[2048, 96, 96],
    ).eval()
    with torch.no_grad():
        # made without values, which would be whatever lay in memory
        transformer.x_pad_token.fill_(1)
        transformer.cap_pad_token.fill_(1)
    save_model(
        folder,
        "ZImagePipeline",
        {
            "transformer": transformer,
            "vae": flux_vae(),
            "text_encoder": qwen3_text_encoder(TEXT_WIDTH),
            "tokenizer": qwen_tokenizer(),
            "scheduler": FlowMatchEulerDiscreteScheduler(shift=3.0),
        },
    )
