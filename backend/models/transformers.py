"""Diffusion transformers: configuration and weights, whole or in shards, and whether the components around them fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from backend.families.facts import Readings

from .components import agree, fits, refuse_quantized
from .folder import FETCH_AGAIN, ModelFolder, as_value
from .headers import Tensor
from .problems import NotUsable
from .vaes import STEM, Latents
from .weights import read_weights

T = TypeVar("T")

NAME: Final = "transformer/config.json"

PATCH: Final = 2
"""Latents on each side that make one token, in every family here."""

FLOW_STEPS_DISTILLED: Final = 4
"""Of transformers distilled to a few steps: FLUX.1 schnell and FLUX.2 Klein, by their cards."""

NO_GUIDANCE: Final = 1.0


@dataclass(frozen=True)
class PackedConfig:
    """Of FLUX.1 and its kin, whose tokens are packed latents; defaults are diffusers' for FLUX.1."""

    in_channels: int = 64
    out_channels: int | None = None
    num_attention_heads: int = 24
    attention_head_dim: int = 128
    joint_attention_dim: int = 4096
    pooled_projection_dim: int = 768
    guidance_embeds: bool = False

    @property
    def width(self) -> int:
        """Of a token inside."""
        return self.num_attention_heads * self.attention_head_dim


def read_transformer(folder: ModelFolder, cls: type[T]) -> tuple[T, dict[str, Tensor]]:
    """Read what `cls` names of a transformer's configuration, and the headers of its weights. Raises NotUsable."""
    plain = folder.read_object(NAME)
    refuse_quantized(plain, "transformer")
    return as_value(cls, plain, NAME), read_weights(folder, "transformer", STEM)


def read_packed(folder: ModelFolder, cls: type[PackedConfig] = PackedConfig) -> PackedConfig:
    """Read a transformer of FLUX.1's make; `cls` has the family's own defaults. Raises NotUsable."""
    config, weights = read_transformer(folder, cls)
    fits(weights, "transformer", "x_embedder.weight", (config.width, config.in_channels))
    fits(weights, "transformer", "context_embedder.weight", (config.width, config.joint_attention_dim))
    return config


def agree_on_text(reads: int, writes: int) -> None:
    """Raise NotUsable when transformer and text encoder were not made for each other."""
    agree(reads, writes, "transformer reads text {} wide", "text encoder writes {}")


def agree_on_latents(channels: int, latents: Latents) -> None:
    """Raise NotUsable when transformer and VAE were not made for each other; `channels` are the transformer's of a latent."""
    agree(latents.channels, channels, "VAE has {} latent channels", "transformer {}")


def unpacked(channels: int) -> int:
    """Channels of a latent, of which a token packs two by two. Raises NotUsable when that cannot be."""
    if channels < PATCH**2 or channels % PATCH**2:
        raise NotUsable(f"Its file {NAME} says something impossible. {FETCH_AGAIN}")
    return channels // PATCH**2


def flow_readings(latents: Latents, text_length: int, downsampling: int = PATCH) -> Readings:
    """What the files of a flow model tell of every family alike; its own come on top."""
    return Readings(
        native=None,
        vae_scale=latents.scale,
        downsampling=downsampling,
        latent_channels=latents.channels,
        text_length=text_length,
        prediction="flow",
    )
