"""What a model's own files say about it."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import GuidanceKind, Prediction, Variant


@dataclass(frozen=True)
class Readings:
    """What a model's configuration files, and the names and shapes of its tensors, say about it; None where they do not tell.

    `native` is the side in pixels at which it was trained. `vae_scale` is pixels per latent on each side, `downsampling` how
    many latents on each side meet in the denoiser's coarsest one. `text_length` counts tokens, start and end included.
    `references` is how many whole pictures it can be shown to work from, `layers` how many layers it makes of one at most.
    `most_pixels` is what it paints well in one pass,
    whatever its native size; `most_side` is how many pixels on a side it has places for, and cannot go beyond. `steps`,
    `guidance`, `guidance_kind` and `sampler` are for models that were distilled, or otherwise want it another way than their
    family. `full_vae` is whether its VAE overflows in float16, and is run in float32 beside a denoiser in that.
    """

    native: int | None
    vae_scale: int
    downsampling: int
    latent_channels: int
    text_length: int
    prediction: Prediction
    variant: Variant = "base"
    references: int = 0
    layers: int = 0
    most_pixels: int | None = None
    most_side: int | None = None
    steps: int | None = None
    guidance: float | None = None
    guidance_kind: GuidanceKind | None = None
    sampler: str | None = None
    full_vae: bool = False
