"""FLUX.2: dev with Mistral 3, Klein with Qwen 3. All of them paint new pictures, and take some to work from beside the prompt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from backend.families.facts import Readings

from .components import class_of, require
from .folder import ModelFolder
from .schedulers import read_flow
from .text_encoders import read_language_model
from .transformers import (
    FLOW_STEPS_DISTILLED,
    NO_GUIDANCE,
    PackedConfig,
    agree_on_latents,
    agree_on_text,
    flow_readings,
    read_packed,
)
from .vaes import FLUX2, read_flux2

COMPONENTS: Final = {
    "transformer": ("Flux2Transformer2DModel",),
    "vae": FLUX2,
    "text_encoder": ("Mistral3ForConditionalGeneration", "Qwen3ForCausalLM"),
    "tokenizer": ("PixtralProcessor", "Qwen2Tokenizer", "Qwen2TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 512
"""By diffusers' pipelines."""

TAPPED: Final = 3
"""Layers of the text encoder that the transformer reads side by side, in either."""

DEV_REFERENCES: Final = 6
KLEIN_REFERENCES: Final = 4
# that their makers advise at most

KLEIN_STEPS: Final = 50
KLEIN_GUIDANCE: Final = 4.0
# of the ones that are not distilled, by their cards


@dataclass(frozen=True)
class _Config(PackedConfig):
    """Defaults as in diffusers."""

    in_channels: int = 128
    num_attention_heads: int = 48
    joint_attention_dim: int = 15360
    guidance_embeds: bool = True


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    width = read_language_model(folder)
    transformer = read_packed(folder, _Config)
    agree_on_text(transformer.joint_attention_dim, TAPPED * width)
    latents = read_flux2(folder)
    agree_on_latents(transformer.in_channels, latents)
    read_flow(folder)
    readings = replace(
        flow_readings(latents, TOKENS, 1),
        references=DEV_REFERENCES if transformer.guidance_embeds else KLEIN_REFERENCES,
    )
    if transformer.guidance_embeds:
        return readings
    if index.get("is_distilled") is True:
        return replace(readings, guidance_kind="none", guidance=NO_GUIDANCE, steps=FLOW_STEPS_DISTILLED)
    return replace(readings, guidance_kind="classifier_free", guidance=KLEIN_GUIDANCE, steps=KLEIN_STEPS)
