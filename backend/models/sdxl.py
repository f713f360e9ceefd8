"""Stable Diffusion XL and every model of its shape: two CLIP text encoders, a UNet that is told sizes, a VAE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from backend.families.facts import Readings

from .components import agree, class_of, require
from .folder import ModelFolder
from .problems import NotUsable
from .text_encoders import read_clip
from .unets import read_unet, readings_of
from .vaes import KL, read_kl

COMPONENTS: Final = {
    "unet": ("UNet2DConditionModel",),
    "vae": KL,
    "text_encoder": ("CLIPTextModel",),
    "text_encoder_2": ("CLIPTextModelWithProjection",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "tokenizer_2": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "scheduler": (),
}
"""Any scheduler will do: only its settings are used."""

SIZES: Final = 6
"""Numbers that the UNet is told: the original's size, where it was cropped, and the target's size."""


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return (
        class_of(index, "unet") in COMPONENTS["unet"]
        and class_of(index, "text_encoder_2") in COMPONENTS["text_encoder_2"]
    )


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    if not class_of(index, "text_encoder"):
        raise NotUsable(
            "It is SDXL's refiner, which only finishes what another model began. Use an ordinary SDXL model: it refines as"
            " well."
        )
    require(index, COMPONENTS)
    first, first_tokens = read_clip(folder)
    second, second_tokens = read_clip(folder, "_2")
    unet = read_unet(folder, first.hidden_size + second.hidden_size, beside="text_time")
    told = (unet.projection_class_embeddings_input_dim or 0) - SIZES * (unet.addition_time_embed_dim or 0)
    agree(told, second.projection_dim, "UNet takes a summary {} wide", "second text encoder writes {}")
    latents = read_kl(folder, index)
    readings = readings_of(folder, unet, latents, min(first_tokens, second_tokens))
    return replace(readings, full_vae=latents.overflows)
