"""What a model's maker or owner says about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from protocol import MAX_GUIDANCE, MAX_NAME_CHARS, MAX_PROMPT_CHARS, MAX_SIDE, MAX_STEPS, Context

from .kinds import DType

SHORTEST_PICTURE: Final = 8
"""Pixels. No VAE in use reduces by less than 4, and a picture of a single latent is none."""

LEAST_STRENGTH: Final = 0.01
"""Below it not one of a hundred steps would run."""

MOST_CLIP_SKIP: Final = 12
"""Layers of the smallest CLIP text encoder in use, the one of Stable Diffusion 1.x."""


@dataclass(frozen=True)
class Overrides:
    """What the sidecar file in a model's folder says about it; None leaves it to the family and to the other files.

    Sizes are pixels. `dtype` holds for every kind of device. `clip_skip` counts as painters do: 1 is the text encoder's last
    layer, 2 the one before. `template` has ``{prompt}`` where the painter's words go; it and `negative` are for words that a
    model was trained with. `edits` is for FLUX.1 Kontext in a single file, which looks like dev's. Values out of range raise ValueError.
    """

    title: str | None = None
    native: int | None = None
    least_side: int | None = None
    most_pixels: int | None = None
    context: Context | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    clip_skip: int | None = None
    template: str | None = None
    negative: str | None = None
    wordless_strength: float | None = None
    dtype: DType | None = None
    edits: bool | None = None

    def __post_init__(self) -> None:
        if self.title is not None and not 1 <= len(self.title.strip()) <= len(self.title) <= MAX_NAME_CHARS:
            raise ValueError(f"title must have 1 to {MAX_NAME_CHARS} characters")
        _within("native", self.native, SHORTEST_PICTURE, MAX_SIDE)
        _within("least_side", self.least_side, SHORTEST_PICTURE, MAX_SIDE)
        _within("most_pixels", self.most_pixels, SHORTEST_PICTURE**2, MAX_SIDE**2)
        _within("steps", self.steps, 1, MAX_STEPS)
        _within("guidance", self.guidance, 0, MAX_GUIDANCE)
        _within("clip_skip", self.clip_skip, 1, MOST_CLIP_SKIP)
        _within("wordless_strength", self.wordless_strength, LEAST_STRENGTH, 1)
        if self.template is not None and "{prompt}" not in self.template:
            raise ValueError("template must contain {prompt}")
        for what, text in (("template", self.template), ("negative", self.negative)):
            if text is not None and len(text) > MAX_PROMPT_CHARS:
                raise ValueError(f"{what} must have at most {MAX_PROMPT_CHARS} characters")


def _within(what: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise ValueError(f"{what} must lie between {least:g} and {most:g}, got {value:g}")
