"""Ovis-Image: Qwen 3's layers, tuned by Ovis, as text encoder; a transformer of FLUX.1's make; FLUX.1's VAE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from backend.families.facts import Readings

from .components import class_of, require
from .folder import ModelFolder
from .schedulers import read_flow
from .text_encoders import read_language_model
from .transformers import PackedConfig, agree_on_latents, agree_on_text, flow_readings, read_packed, unpacked
from .vaes import KL, read_kl

COMPONENTS: Final = {
    "transformer": ("OvisImageTransformer2DModel",),
    "vae": KL,
    "text_encoder": ("Qwen3Model",),
    "tokenizer": ("Qwen2Tokenizer", "Qwen2TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 256
"""By diffusers' pipeline."""


@dataclass(frozen=True)
class _Config(PackedConfig):
    """Defaults as in diffusers."""

    joint_attention_dim: int = 2048


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    width = read_language_model(folder)
    transformer = read_packed(folder, _Config)
    agree_on_text(transformer.joint_attention_dim, width)
    latents = read_kl(folder, index)
    agree_on_latents(unpacked(transformer.in_channels), latents)
    read_flow(folder)
    return flow_readings(latents, TOKENS)
