"""Stable Diffusion 3 and 3.5: two CLIP text encoders and T5, which may be left out, a transformer, a VAE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from backend.families.facts import Readings

from .components import agree, class_of, fits, require
from .folder import ModelFolder
from .schedulers import read_flow
from .text_encoders import read_clip, read_t5
from .transformers import PATCH, agree_on_latents, agree_on_text, flow_readings, read_transformer
from .vaes import KL, Latents, read_kl

COMPONENTS: Final = {
    "transformer": ("SD3Transformer2DModel",),
    "vae": KL,
    "text_encoder": ("CLIPTextModelWithProjection",),
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "scheduler": (),
}

T5: Final = {
    "text_encoder_3": ("T5EncoderModel",),
    "tokenizer_3": ("T5Tokenizer", "T5TokenizerFast"),
}
LEFT_OUT: Final = (None, [None, None])
"""How a model's index says so."""

TOKENS: Final = 256
"""Of T5, by diffusers' pipeline."""

MEDIUM_PIXELS: Final = 1440 * 1440
"""That 3.5 Medium, whose first layers have a second attention, was trained for; the others were for a megapixel."""


@dataclass(frozen=True)
class SD3Config:
    """Defaults as in diffusers."""

    in_channels: int = 16
    patch_size: int = 2
    num_attention_heads: int = 18
    attention_head_dim: int = 64
    joint_attention_dim: int = 4096
    caption_projection_dim: int = 1152
    pooled_projection_dim: int = 2048
    dual_attention_layers: tuple[int, ...] = ()
    pos_embed_max_size: int = 96


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable.

    The turbo ones are distilled, which none of their files tells: a sidecar must.
    """
    require(index, COMPONENTS)
    first, first_tokens = read_clip(folder)
    second, second_tokens = read_clip(folder, "_2")
    reads_t5 = index.get("text_encoder_3") not in LEFT_OUT
    config, weights = read_transformer(folder, SD3Config)
    inner = config.num_attention_heads * config.attention_head_dim
    fits(weights, "transformer", "pos_embed.proj.weight", (inner, config.in_channels, config.patch_size))
    fits(weights, "transformer", "context_embedder.weight", (config.caption_projection_dim, config.joint_attention_dim))
    if reads_t5:
        require(index, T5)
        agree_on_text(config.joint_attention_dim, read_t5(folder, "_3"))
    summary = first.projection_dim + second.projection_dim
    agree(config.pooled_projection_dim, summary, "transformer takes a summary {} wide", "CLIP encoders write {}")
    latents = read_kl(folder, index)
    agree_on_latents(config.in_channels, latents)
    read_flow(folder)
    return readings_of(config, latents, TOKENS if reads_t5 else min(first_tokens, second_tokens))


def readings_of(config: SD3Config, latents: Latents, text_length: int) -> Readings:
    """What transformer and VAE say together."""
    return replace(
        flow_readings(latents, text_length),
        most_pixels=MEDIUM_PIXELS if config.dual_attention_layers else None,
        most_side=config.pos_embed_max_size * PATCH * latents.scale,
    )
