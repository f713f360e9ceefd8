"""FLUX.1: dev, schnell, Fill, Kontext and models made from them: CLIP's and T5's text encoders, a transformer, a VAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from backend.families.facts import Readings

from .components import agree, class_of, require
from .folder import ModelFolder
from .problems import NotUsable
from .schedulers import SchedulerConfig, read_flow
from .text_encoders import read_clip, read_t5
from .transformers import (
    FLOW_STEPS_DISTILLED,
    NO_GUIDANCE,
    PATCH,
    PackedConfig,
    agree_on_latents,
    agree_on_text,
    flow_readings,
    read_packed,
    unpacked,
)
from .vaes import KL, Latents, read_kl

COMPONENTS: Final = {
    "transformer": ("FluxTransformer2DModel",),
    "vae": KL,
    "text_encoder": ("CLIPTextModel",),
    "text_encoder_2": ("T5EncoderModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("T5Tokenizer", "T5TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 512
"""Of T5, by diffusers' pipelines; CLIP's 77 only make the summary."""

KONTEXT: Final = ("FluxKontextPipeline", "FluxKontextInpaintPipeline")
"""Nothing but the name of its pipeline tells Kontext from dev: the shapes are the same."""

KONTEXT_GUIDANCE: Final = 2.5
FILL_GUIDANCE: Final = 30.0
FILL_STEPS: Final = 50
# by their cards


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    clip, _ = read_clip(folder)
    width = read_t5(folder, "_2")
    transformer = read_packed(folder)
    agree_on_text(transformer.joint_attention_dim, width)
    agree(transformer.pooled_projection_dim, clip.hidden_size, "transformer takes a summary {} wide", "CLIP writes {}")
    return readings_of(transformer, read_kl(folder, index), read_flow(folder), index)


def readings_of(
    transformer: PackedConfig, latents: Latents, scheduler: SchedulerConfig, index: Mapping[str, Any]
) -> Readings:
    """What transformer, VAE and schedule say together. Raises NotUsable."""
    readings = flow_readings(latents, TOKENS)
    return _of_variant(_guided(readings, transformer, scheduler), transformer, latents, index)


def _guided(readings: Readings, transformer: PackedConfig, scheduler: SchedulerConfig) -> Readings:
    """What is not told its guidance was distilled from what is; to a few steps, where its schedule is not shifted by size."""
    if transformer.guidance_embeds:
        return readings
    steps = None if scheduler.use_dynamic_shifting else FLOW_STEPS_DISTILLED
    return replace(readings, guidance_kind="none", guidance=NO_GUIDANCE, steps=steps)


def _of_variant(readings: Readings, transformer: PackedConfig, latents: Latents, index: Mapping[str, Any]) -> Readings:
    """What the transformer takes beside the latents, by its input channels."""
    out = transformer.in_channels if transformer.out_channels is None else transformer.out_channels
    agree_on_latents(unpacked(out), latents)
    # Fill: latents, those of the masked picture, and the mask's pixels
    fill = 2 * out + PATCH**2 * latents.scale**2
    if transformer.in_channels == fill:
        return replace(readings, variant="inpaint", guidance=FILL_GUIDANCE, steps=FILL_STEPS)
    if transformer.in_channels == 2 * out:
        raise NotUsable(
            "Its transformer takes a picture of edges or depths, which this version does not give it. Use FLUX.1 dev: it"
            " fills selections as well."
        )
    agree(transformer.in_channels, out, "transformer takes {} channels", "VAE's latents make {}")
    if index.get("_class_name") in KONTEXT:
        return as_kontext(readings)
    return readings


def as_kontext(readings: Readings) -> Readings:
    """What holds of Kontext, where these were read from it as from dev."""
    return replace(readings, variant="edit", references=1, guidance=KONTEXT_GUIDANCE)
