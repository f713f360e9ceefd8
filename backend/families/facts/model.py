"""What holds for one model: its family's row, put right by its own files and by its sidecar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from protocol import Context

from .family import FamilyFacts
from .kinds import Device, DType, GuidanceKind, Prediction, Variant
from .overrides import Overrides
from .readings import Readings

T = TypeVar("T")

PAINTING_SHARE: Final = 0.5
"""Of a device's memory, for the pixels in hand. The other half is for the model's weights and for everybody else."""


@dataclass(frozen=True)
class ModelFacts:
    """All that planning and loading need to know of one model. Sizes are pixels.

    `id` is the model's id in the library. The sides of what it paints are multiples of `multiple`, at least `least_side`
    where the shape allows and never above `most_side`, if it has such a bound, with at most `most_pixels` in all, and best about
    `native` squared.
    `context` is what it wants to see around a selection. `references` is how many whole pictures it can be shown,
    `layers` how many layers it makes of one at most, 0 where it makes none.
    `full_vae` is whether the VAE is run in float32 where the rest is in float16.
    `clip_skip` counts as painters do, from 1; the model's own `template` and `negative` prompt go around the painter's words.
    """

    id: str
    title: str
    family: str
    adapter: str
    native: int
    multiple: int
    least_side: int
    most_pixels: int
    vae_scale: int
    latent_channels: int
    text_length: int
    prediction: Prediction
    steps: int
    guidance: float
    sampler: str
    samplers: tuple[str, ...]
    context: Context
    dtypes: tuple[tuple[Device, DType], ...]
    pixel_bytes: int
    wordless_strength: float
    negative_prompt: bool = True
    guidance_kind: GuidanceKind = "classifier_free"
    weights: bool = True
    variant: Variant = "base"
    references: int = 0
    layers: int = 0
    clip_skip: int = 1
    template: str = "{prompt}"
    negative: str = ""
    most_side: int | None = None
    full_vae: bool = False

    def __post_init__(self) -> None:
        if self.multiple < 1 or self.multiple % self.vae_scale:
            raise ValueError(f"sides of multiples of {self.multiple} pixels do not fit a latent of {self.vae_scale}")
        if self.most_pixels < self.multiple**2:
            raise ValueError(f"{self.most_pixels} pixels are less than the smallest picture, {self.multiple} squared")
        if self.most_side is not None and self.most_side < self.multiple:
            raise ValueError(f"{self.most_side} pixels on a side are less than the smallest picture, {self.multiple}")
        if (self.variant == "layered") != (self.layers > 0):
            raise ValueError(f"a model that is {self.variant} cannot make {self.layers} layers of a picture")
        if self.sampler not in self.samplers:
            raise ValueError(f"sampler must be one of {', '.join(self.samplers)}, got {self.sampler!r}")

    def dtype_on(self, device: str) -> DType:
        """The dtype for that kind of device; float32, which runs everywhere, for one that is not listed."""
        return next((dtype for kind, dtype in self.dtypes if kind == device), "float32")

    def pixels_in(self, memory: int, device: str, taken: int = 0) -> int:
        """How many pixels at once a device of that kind with `memory` bytes in all can be trusted with, at least 1.

        `taken` are bytes beside the model's own weights, as of LoRAs: they go off the pixels' share.
        """
        return max(1, (int(memory * PAINTING_SHARE) - taken) * self._halves(device) // self.pixel_bytes)

    def bytes_of(self, pixels: int, device: str) -> int:
        """The memory that so many pixels take at once on a device of that kind, at the worst moment, the weights aside."""
        return pixels * self.pixel_bytes // self._halves(device)

    def _halves(self, device: str) -> int:
        """How many pixels take the memory that one takes in float32."""
        dtype = self.dtype_on(device)
        # the worst moment is the VAE's; a processor may have to calculate in float32 whatever the facts say
        full = dtype == "float32" or device == "cpu" or (dtype == "float16" and self.full_vae)
        return 1 if full else 2


def facts_of_model(
    family: FamilyFacts, model_id: str, title: str, readings: Readings, overrides: Overrides | None = None
) -> ModelFacts:
    """Put a family's row right with what one model's files and its sidecar say.

    Sizes of the row scale with the model's native side. Raises ValueError when the outcome contradicts itself.
    """
    own = overrides or Overrides()
    multiple = readings.vae_scale * readings.downsampling
    native = _first(own.native, readings.native, family.native)
    share = native / family.native
    padding, minimum = family.context
    guidance_kind: GuidanceKind = _first(readings.guidance_kind, family.guidance_kind)
    return ModelFacts(
        id=model_id,
        title=_first(own.title, title),
        family=family.name,
        adapter=family.adapter,
        native=native,
        multiple=multiple,
        least_side=_first(own.least_side, max(multiple, round(family.least_side * share))),
        most_pixels=_first(
            own.most_pixels, readings.most_pixels, max(multiple**2, round(family.most_pixels * share * share))
        ),
        vae_scale=readings.vae_scale,
        latent_channels=readings.latent_channels,
        text_length=readings.text_length,
        prediction=readings.prediction,
        steps=_first(own.steps, readings.steps, family.steps),
        guidance=_first(own.guidance, readings.guidance, family.guidance),
        sampler=_first(own.sampler, readings.sampler, family.sampler),
        samplers=family.samplers,
        context=_first(own.context, Context(padding, max(1, round(minimum * share)))),
        dtypes=tuple((device, _first(own.dtype, dtype)) for device, dtype in family.dtypes),
        pixel_bytes=family.pixel_bytes,
        # a model that sees the surroundings, or the very picture, need not have them shine through
        wordless_strength=_first(
            own.wordless_strength, 1.0 if readings.variant in ("inpaint", "layered") else None, family.wordless_strength
        ),
        negative_prompt=guidance_kind == "classifier_free",
        guidance_kind=guidance_kind,
        weights=family.weights,
        variant=readings.variant,
        references=readings.references,
        layers=readings.layers,
        clip_skip=_first(own.clip_skip, 1),
        template=_first(own.template, "{prompt}"),
        negative=_first(own.negative, ""),
        most_side=readings.most_side,
        full_vae=readings.full_vae,
    )


def _first(*choices: T | None) -> T:
    return next(choice for choice in choices if choice is not None)
