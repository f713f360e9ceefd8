"""LongCat-Image and LongCat-Image-Edit: Qwen2.5-VL as text encoder; a transformer of FLUX.1's make; FLUX.1's VAE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from backend.families.facts import Readings

from .components import class_of, require
from .folder import ModelFolder
from .schedulers import read_flow
from .text_encoders import read_language_model, require_processor
from .transformers import PackedConfig, agree_on_latents, agree_on_text, flow_readings, read_packed, unpacked
from .vaes import KL, read_kl

COMPONENTS: Final = {
    "transformer": ("LongCatImageTransformer2DModel",),
    "vae": KL,
    "text_encoder": ("Qwen2_5_VLForConditionalGeneration",),
    "tokenizer": ("Qwen2Tokenizer", "Qwen2TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 512
"""By diffusers' pipeline."""

EDIT: Final = ("LongCatImageEditPipeline",)
"""Nothing but the name of its pipeline tells the one that edits: the shapes are the same."""


@dataclass(frozen=True)
class _Config(PackedConfig):
    """Defaults as in diffusers."""

    joint_attention_dim: int = 3584


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    edits = index.get("_class_name") in EDIT
    if edits:
        require(index, {"text_processor": ("Qwen2VLProcessor", "Qwen2_5_VLProcessor")})
        require_processor(folder, "text_processor")
    width = read_language_model(folder)
    transformer = read_packed(folder, _Config)
    agree_on_text(transformer.joint_attention_dim, width)
    latents = read_kl(folder, index)
    agree_on_latents(unpacked(transformer.in_channels), latents)
    read_flow(folder)
    return replace(flow_readings(latents, TOKENS), variant="edit" if edits else "base", references=1 if edits else 0)
