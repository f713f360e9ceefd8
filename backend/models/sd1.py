"""Stable Diffusion 1.x and every model of its shape: one CLIP text encoder, a UNet on four latent channels, a VAE."""

from __future__ import annotations

from typing import Any, Final

from backend.families.facts import Readings

from .components import class_of, require
from .folder import ModelFolder
from .text_encoders import read_clip
from .unets import read_unet, readings_of
from .vaes import KL, read_kl

COMPONENTS: Final = {
    "unet": ("UNet2DConditionModel",),
    "vae": KL,
    "text_encoder": ("CLIPTextModel",),
    "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
    "scheduler": (),
}
"""Any scheduler will do: only its settings are used. A safety checker is not loaded."""


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components; a second text encoder makes it another one."""
    return (
        class_of(index, "unet") in COMPONENTS["unet"]
        and class_of(index, "text_encoder") in COMPONENTS["text_encoder"]
        and not class_of(index, "text_encoder_2")
    )


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    text, tokens = read_clip(folder)
    unet = read_unet(folder, text.hidden_size, beside=None)
    return readings_of(folder, unet, read_kl(folder, index), tokens)
