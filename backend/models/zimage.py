"""Z-Image: Qwen 3 as text encoder, a transformer of one stream, FLUX.1's VAE."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from backend.families.facts import Readings

from .components import class_of, fits, require
from .folder import FETCH_AGAIN, ModelFolder
from .problems import NotUsable
from .schedulers import read_flow
from .text_encoders import read_language_model
from .transformers import NAME, NO_GUIDANCE, PATCH, agree_on_latents, agree_on_text, flow_readings, read_transformer
from .vaes import KL, read_kl

COMPONENTS: Final = {
    "transformer": ("ZImageTransformer2DModel",),
    "vae": KL,
    "text_encoder": ("Qwen3Model", "Qwen3ForCausalLM"),
    "tokenizer": ("Qwen2Tokenizer", "Qwen2TokenizerFast"),
    "scheduler": (),
}

TOKENS: Final = 512
"""By diffusers' pipeline."""

AXES: Final = 3
"""Along which a token has its place: the text's, down the picture, across it."""

TURBO_SHIFT: Final = 3.0
"""Of the turbo one's schedule; the one that it was distilled from has twice as much."""

TURBO_STEPS: Final = 8
"""By its card."""


@dataclass(frozen=True)
class _Config:
    """Defaults as in diffusers."""

    in_channels: int = 16
    dim: int = 3840
    cap_feat_dim: int = 2560
    siglip_feat_dim: int | None = None
    axes_lens: tuple[int, ...] = (1024, 512, 512)
    """How many places there are along each of `AXES`."""


def recognises(index: dict[str, Any]) -> bool:
    """Whether these are this family's components."""
    return class_of(index, "transformer") in COMPONENTS["transformer"]


def read(folder: ModelFolder, index: dict[str, Any]) -> Readings:
    """Read what the components' files say, and hold them against each other. Raises NotUsable."""
    require(index, COMPONENTS)
    width = read_language_model(folder)
    transformer, weights = read_transformer(folder, _Config)
    if transformer.siglip_feat_dim is not None:
        raise NotUsable(
            "It is Z-Image Omni, which takes pictures in a way that this version does not know. Use Z-Image or Z-Image Turbo."
        )
    if len(transformer.axes_lens) != AXES:
        raise NotUsable(f"Its file {NAME} says something impossible. {FETCH_AGAIN}")
    fits(weights, "transformer", "cap_embedder.1.weight", (transformer.dim, transformer.cap_feat_dim))
    fits(weights, "transformer", "x_pad_token", (1, transformer.dim))
    agree_on_text(transformer.cap_feat_dim, width)
    latents = read_kl(folder, index)
    agree_on_latents(transformer.in_channels, latents)
    readings = replace(flow_readings(latents, TOKENS), most_side=min(transformer.axes_lens[1:]) * PATCH * latents.scale)
    if read_flow(folder).shift <= TURBO_SHIFT:
        # guidance stays possible: whoever trained one further may have kept the schedule
        return replace(readings, steps=TURBO_STEPS, guidance=NO_GUIDANCE)
    return readings
