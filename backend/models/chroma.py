"""Chroma: FLUX.1 schnell's make with T5 alone, and guidance without distillation."""

from __future__ import annotations

from typing import Any, Final

from backend.families.facts import Readings

from .components import class_of, require
from .folder import ModelFolder
from .schedulers import read_flow
from .text_encoders import read_t5
from .transformers import agree_on_latents, agree_on_text, flow_readings, read_packed, unpacked
from .vaes import KL, read_kl

COMPONENTS: Final = {
    "transformer": ("ChromaTransformer2DModel",),
    "vae": KL,
    "text_encoder": ("T5EncoderModel",),
    "tokenizer": ("T5Tokenizer", "T5TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 512
"""Of T5, by diffusers' pipeline."""


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable.

    Chroma Flash is distilled, which none of its files tells: a sidecar must.
    """
    require(index, COMPONENTS)
    width = read_t5(folder)
    transformer = read_packed(folder)
    agree_on_text(transformer.joint_attention_dim, width)
    latents = read_kl(folder, index)
    agree_on_latents(unpacked(transformer.in_channels), latents)
    read_flow(folder)
    return flow_readings(latents, TOKENS)
