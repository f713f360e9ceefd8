"""Qwen-Image: from words, by one picture or several, and in layers. Qwen2.5-VL as text encoder, a VAE made for films."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from backend.families.facts import Readings, Variant
from protocol import MAX_LAYERS

from .components import class_of, fits, require
from .folder import ModelFolder
from .schedulers import read_flow
from .text_encoders import read_language_model, require_processor
from .transformers import agree_on_latents, agree_on_text, flow_readings, read_transformer, unpacked
from .vaes import QWEN, read_qwen

COMPONENTS: Final = {
    "transformer": ("QwenImageTransformer2DModel",),
    "vae": QWEN,
    "text_encoder": ("Qwen2_5_VLForConditionalGeneration",),
    "tokenizer": ("Qwen2Tokenizer", "Qwen2TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 512
"""By diffusers' pipelines, of 1024 that they would take."""

PLUS: Final = ("QwenImageEditPlusPipeline",)
"""Only the name of its pipeline tells the one of 2509 from the first that edits; the one of 2511 has a setting of its own."""

PLUS_REFERENCES: Final = 3
"""By its card: one to three pictures."""

LAYERED_NATIVE: Final = 640
"""Side of the pictures that the one for layers takes apart best, by its card. The others paint larger."""

EDIT_NATIVE: Final = 1024
"""Side of the pictures that those that edit are shown and paint where nothing else is asked for, by diffusers' pipelines."""


@dataclass(frozen=True)
class _Config:
    """Defaults as in diffusers."""

    in_channels: int = 64
    num_attention_heads: int = 24
    attention_head_dim: int = 128
    joint_attention_dim: int = 3584
    zero_cond_t: bool = False
    use_layer3d_rope: bool = False


class _Kind(NamedTuple):
    variant: Variant
    references: int
    layers: int = 0
    native: int | None = None


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    width = read_language_model(folder)
    transformer, weights = read_transformer(folder, _Config)
    inner = transformer.num_attention_heads * transformer.attention_head_dim
    fits(weights, "transformer", "img_in.weight", (inner, transformer.in_channels))
    fits(weights, "transformer", "txt_in.weight", (inner, transformer.joint_attention_dim))
    agree_on_text(transformer.joint_attention_dim, width)
    latents, colours = read_qwen(folder)
    agree_on_latents(unpacked(transformer.in_channels), latents)
    read_flow(folder)
    kind = _kind(index, transformer, layered=transformer.use_layer3d_rope or colours > 3)
    if kind.references:
        require_processor(folder, "processor")
    readings = flow_readings(latents, TOKENS)
    return replace(readings, native=kind.native, variant=kind.variant, references=kind.references, layers=kind.layers)


def _kind(index: dict[str, Any], transformer: _Config, layered: bool) -> _Kind:
    if layered:
        return _Kind("layered", 1, MAX_LAYERS, LAYERED_NATIVE)
    if transformer.zero_cond_t or index.get("_class_name") in PLUS:
        return _Kind("edit", PLUS_REFERENCES, native=EDIT_NATIVE)
    if class_of(index, "processor"):
        return _Kind("edit", 1, native=EDIT_NATIVE)
    return _Kind("base", 0)
