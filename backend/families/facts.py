"""What is known about each model family, one row each, and about one model: its family's row put right by its own files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from protocol import MAX_GUIDANCE, MAX_NAME_CHARS, MAX_SIDE, MAX_STEPS, Context

Device = Literal["cuda", "rocm", "mps", "xpu", "cpu"]
DType = Literal["float32", "float16", "bfloat16"]
Prediction = Literal["epsilon", "v_prediction", "sample"]

T = TypeVar("T")

SHORTEST_PICTURE: Final = 8
"""Pixels. No VAE in use reduces by less than 4, and a picture of a single latent is none."""


LEAST_STRENGTH: Final = 0.01
"""Below it not one of a hundred steps would run."""

PAINTING_SHARE: Final = 0.5
"""Of a device's memory, for the pixels in hand. The other half is for the model's weights and for everybody else."""


@dataclass(frozen=True)
class FamilyFacts:
    """One family. Sizes are pixels unless a model's own files say otherwise.

    `adapter` is the module under backend.families that holds its `load`. `native` is the side at which the family's
    models were trained; `least_side` and `most_pixels` bound what they paint well in one pass. `steps` and `guidance` are
    the defaults; `context` is (padding, minimum) as in `protocol.Context`. `dtypes` names the dtype per kind of device.
    `pixel_bytes` is the memory that one pixel takes at the worst moment in float32, the model's weights aside.
    `wordless_strength` is how much of the blurred surroundings a model may change when it fills with no prompt: at 1 it
    would paint whatever comes to it.
    """

    name: str
    title: str
    adapter: str
    native: int
    least_side: int
    most_pixels: int
    steps: int
    guidance: float
    sampler: str
    samplers: tuple[str, ...]
    context: tuple[float, int]
    dtypes: tuple[tuple[Device, DType], ...]
    pixel_bytes: int
    wordless_strength: float
    negative_prompt: bool = True


@dataclass(frozen=True)
class Readings:
    """What a model's own configuration files say about it.

    `native` is the side in pixels at which it was trained, None where they do not tell. `vae_scale` is pixels per latent on
    each side, `downsampling` how many latents on each side meet in the denoiser's coarsest one. `text_length` counts
    tokens, start and end included.
    """

    native: int | None
    vae_scale: int
    downsampling: int
    latent_channels: int
    text_length: int
    prediction: Prediction


@dataclass(frozen=True)
class Overrides:
    """What the sidecar file in a model's folder says about it; None leaves it to the family and to the other files.

    Sizes are pixels. `dtype` holds for every kind of device. Values out of range raise ValueError.
    """

    title: str | None = None
    native: int | None = None
    least_side: int | None = None
    most_pixels: int | None = None
    context: Context | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    wordless_strength: float | None = None
    dtype: DType | None = None

    def __post_init__(self) -> None:
        if self.title is not None and not 1 <= len(self.title.strip()) <= len(self.title) <= MAX_NAME_CHARS:
            raise ValueError(f"title must have 1 to {MAX_NAME_CHARS} characters")
        _within("native", self.native, SHORTEST_PICTURE, MAX_SIDE)
        _within("least_side", self.least_side, SHORTEST_PICTURE, MAX_SIDE)
        _within("most_pixels", self.most_pixels, SHORTEST_PICTURE**2, MAX_SIDE**2)
        _within("steps", self.steps, 1, MAX_STEPS)
        _within("guidance", self.guidance, 0, MAX_GUIDANCE)
        _within("wordless_strength", self.wordless_strength, LEAST_STRENGTH, 1)


@dataclass(frozen=True)
class ModelFacts:
    """All that planning and loading need to know of one model. Sizes are pixels.

    `id` is the model's id in the library. The sides of what it paints are multiples of `multiple`, at least `least_side`
    where the shape allows, with at most `most_pixels` in all, and best about `native` squared.
    `context` is what it wants to see around a selection.
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

    def __post_init__(self) -> None:
        if self.multiple < 1 or self.multiple % self.vae_scale:
            raise ValueError(f"sides of multiples of {self.multiple} pixels do not fit a latent of {self.vae_scale}")
        if self.most_pixels < self.multiple**2:
            raise ValueError(f"{self.most_pixels} pixels are less than the smallest picture, {self.multiple} squared")
        if self.sampler not in self.samplers:
            raise ValueError(f"sampler must be one of {', '.join(self.samplers)}, got {self.sampler!r}")

    def dtype_on(self, device: str) -> DType:
        """The dtype for that kind of device; float32, which runs everywhere, for one that is not listed."""
        return next((dtype for kind, dtype in self.dtypes if kind == device), "float32")

    def pixels_in(self, memory: int, device: str) -> int:
        """How many pixels at once a device of that kind with `memory` bytes in all can be trusted with, at least 1."""
        halves = 1 if self.dtype_on(device) == "float32" else 2
        return max(1, int(memory * PAINTING_SHARE) * halves // self.pixel_bytes)


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
    return ModelFacts(
        id=model_id,
        title=_first(own.title, title),
        family=family.name,
        adapter=family.adapter,
        native=native,
        multiple=multiple,
        least_side=_first(own.least_side, max(multiple, round(family.least_side * share))),
        most_pixels=_first(own.most_pixels, max(multiple**2, round(family.most_pixels * share * share))),
        vae_scale=readings.vae_scale,
        latent_channels=readings.latent_channels,
        text_length=readings.text_length,
        prediction=readings.prediction,
        steps=_first(own.steps, family.steps),
        guidance=_first(own.guidance, family.guidance),
        sampler=_first(own.sampler, family.sampler),
        samplers=family.samplers,
        context=_first(own.context, Context(padding, max(1, round(minimum * share)))),
        dtypes=tuple((device, _first(own.dtype, dtype)) for device, dtype in family.dtypes),
        pixel_bytes=family.pixel_bytes,
        wordless_strength=_first(own.wordless_strength, family.wordless_strength),
        negative_prompt=family.negative_prompt,
    )


def _first(*choices: T | None) -> T:
    return next(choice for choice in choices if choice is not None)


def _within(what: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise ValueError(f"{what} must lie between {least:g} and {most:g}, got {value:g}")


FAMILIES: Final[dict[str, FamilyFacts]] = {
    "sd1": FamilyFacts(
        name="sd1",
        title="Stable Diffusion 1.x",
        adapter="sd1",
        native=512,
        least_side=256,
        most_pixels=768 * 768,
        steps=25,
        guidance=7.5,
        sampler="ddim",
        samplers=("ddim", "euler", "euler_a", "dpmpp_2m_karras", "unipc"),
        context=(0.5, 512),
        # peak of AutoencoderKL's decoder in float32 on a CPU: 4870 a pixel at 256 squared, 4110 at 512; its encoder took
        # 2560. The UNet was not measured, and no other device
        pixel_bytes=5000,
        # leaves the large shapes and colours of the surroundings, and lets texture grow over them
        wordless_strength=0.75,
        dtypes=(("cuda", "float16"), ("rocm", "float16"), ("xpu", "float16"), ("mps", "float32"), ("cpu", "float32")),
    ),
}
"""Families by name."""
