"""What travels: pictures by name, jobs, results, models. Frozen, comparable, each checks its own invariants.

A value that breaks one raises ValueError; nothing half valid can exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from . import limits
from .geometry import Bounds, Context, Extent

Depth = Literal["u8", "u16", "f16", "f32"]
Order = Literal["gray", "graya", "rgb", "rgba", "bgra"]
Encoding = Literal["raw", "zlib"]

DEPTH_BYTES: Final[dict[Depth, int]] = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}
"""Bytes of one channel of one pixel; wider ones are little-endian."""

ORDER_CHANNELS: Final[dict[Order, int]] = {"gray": 1, "graya": 2, "rgb": 3, "rgba": 4, "bgra": 4}
"""Channels of one pixel, in the order in which they lie in memory; alpha is straight, not premultiplied."""

_CONTENT = re.compile(r"[0-9a-f]{64}\Z")
_JOB_ID = re.compile(r"[0-9a-f]{32}\Z")


def is_content_name(text: str) -> bool:
    """Whether this names an attachment: 64 lower-case hexadecimal digits, its SHA-256."""
    return _CONTENT.match(text) is not None


def is_job_id(text: str) -> bool:
    """Whether this is a job id: 32 lower-case hexadecimal digits, as of a random UUID."""
    return _JOB_ID.match(text) is not None


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _require_text(text: str, most: int, what: str) -> None:
    _require(len(text) <= most, f"{what} has {len(text)} characters, at most {most} are allowed")
    _require("\x00" not in text, f"{what} contains a null character")
    _require(not any("\ud800" <= c <= "\udfff" for c in text), f"{what} contains half a surrogate pair")


@dataclass(frozen=True)
class Raster:
    """A picture's pixels, named by their content: rows from top to bottom, no padding between them.

    `content` is the SHA-256 of the bytes that travel, in lower-case hexadecimal, and `size` their number. With the
    encoding "raw" these are the pixels; with "zlib" (RFC 1950) they unpack to them.
    Floats are 0 for black and 1 for white. RGB is sRGB-encoded.
    """

    content: str
    size: int
    width: int
    height: int
    order: Order
    depth: Depth = "u8"
    encoding: Encoding = "raw"

    def __post_init__(self) -> None:
        _require(is_content_name(self.content), "content must be 64 lower-case hexadecimal digits")
        _require(
            1 <= self.width <= limits.MAX_SIDE, f"width must lie between 1 and {limits.MAX_SIDE}, got {self.width}"
        )
        _require(
            1 <= self.height <= limits.MAX_SIDE, f"height must lie between 1 and {limits.MAX_SIDE}, got {self.height}"
        )
        _require(
            self.width * self.height <= limits.MAX_PIXELS,
            f"{self.width} x {self.height} is more than {limits.MAX_PIXELS} pixels",
        )
        _require(
            1 <= self.size <= limits.MAX_CONTENT_BYTES,
            f"size must lie between 1 and {limits.MAX_CONTENT_BYTES} bytes, got {self.size}",
        )
        _require(
            self.raw_size <= limits.MAX_CONTENT_BYTES,
            f"{self.raw_size} bytes of pixels are more than {limits.MAX_CONTENT_BYTES}",
        )
        _require(
            self.encoding != "raw" or self.size == self.raw_size,
            f"{self.width} x {self.height} {self.order} {self.depth} is {self.raw_size} bytes, not {self.size}",
        )

    @property
    def extent(self) -> Extent:
        """Width and height."""
        return Extent(self.width, self.height)

    @property
    def raw_size(self) -> int:
        """Bytes of the unpacked pixels."""
        return self.width * self.height * ORDER_CHANNELS[self.order] * DEPTH_BYTES[self.depth]


@dataclass(frozen=True)
class Style:
    """How a picture is made. Empty or None leaves the choice to the model's own facts.

    `model` is an id from the server's list, never a path. `template` holds ``{prompt}`` where the painter's words go.
    `clip_skip` is the layer of CLIP's text encoder that is read, from the end: 1 is the last. `rescale`, 0 to 1, takes that
    share of the contrast back which guidance adds (Lin et al. 2024, arXiv 2305.08891).
    """

    name: str = ""
    model: str = ""
    sampler: str = ""
    steps: int | None = None
    guidance: float | None = None
    template: str = "{prompt}"
    negative: str = ""
    clip_skip: int | None = None
    rescale: float | None = None

    def __post_init__(self) -> None:
        for what in ("name", "model", "sampler"):
            _require_text(getattr(self, what), limits.MAX_NAME_CHARS, what)
        for what in ("template", "negative"):
            _require_text(getattr(self, what), limits.MAX_PROMPT_CHARS, what)
        _require("{prompt}" in self.template, "template must contain {prompt}")
        _require(
            self.steps is None or 1 <= self.steps <= limits.MAX_STEPS,
            f"steps must lie between 1 and {limits.MAX_STEPS}, got {self.steps}",
        )
        _require(
            self.guidance is None or 0 <= self.guidance <= limits.MAX_GUIDANCE,
            f"guidance must lie between 0 and {limits.MAX_GUIDANCE:g}, got {self.guidance}",
        )
        _require(
            self.clip_skip is None or 1 <= self.clip_skip <= limits.MAX_CLIP_SKIP,
            f"clip_skip must lie between 1 and {limits.MAX_CLIP_SKIP}, got {self.clip_skip}",
        )
        _require(
            self.rescale is None or 0 <= self.rescale <= 1, f"rescale must lie between 0 and 1, got {self.rescale}"
        )


@dataclass(frozen=True)
class Job:
    """Everything that bears on a picture: the same job on the same backend gives the same pixels.

    `id` is made by the painter's side. `extent` is the size of the asked picture in pixels. `image` is the canvas there, `mask` a
    single-channel raster of the same size (0 keeps, full replaces), `selection` the bounds outside of which the mask is all
    zero. Without an image the picture is made from nothing; without a mask all of it is made or refined.
    `strength` 1 makes new content, below it the image is refined. Picture i of `count` has the seed `seed + i`.
    `grow` and `feather` are pixels of the canvas; None leaves them to the plan. `depth` is that of the result's channels.
    `references` are whole pictures of any size, in the painter's order, for models that work from them.
    `layers` is how many layers the image is taken apart into, by a model that can; 0 asks for a flat picture.
    """

    id: str
    extent: Extent
    prompt: str = ""
    negative: str = ""
    image: Raster | None = None
    mask: Raster | None = None
    selection: Bounds | None = None
    strength: float = 1.0
    seed: int = 0
    count: int = 1
    style: Style = field(default_factory=Style)
    grow: int | None = None
    feather: int | None = None
    depth: Literal["u8", "u16"] = "u8"
    order: Literal["rgba", "bgra"] = "rgba"
    encoding: Encoding = "raw"
    previews: bool = True
    document: str = ""
    references: tuple[Raster, ...] = ()
    layers: int = 0

    def __post_init__(self) -> None:
        _require(is_job_id(self.id), "a job's id must be 32 lower-case hexadecimal digits")
        _require_text(self.prompt, limits.MAX_PROMPT_CHARS, "the prompt")
        _require_text(self.negative, limits.MAX_PROMPT_CHARS, "the negative prompt")
        _require_text(self.document, limits.MAX_NAME_CHARS, "the document's name")
        _require(
            self.extent.longest <= limits.MAX_SIDE and self.extent.area <= limits.MAX_PIXELS,
            f"{self.extent} pixels is too large",
        )
        _require(0 < self.strength <= 1, f"strength must be above 0 and at most 1, got {self.strength}")
        _require(0 <= self.seed <= limits.MAX_SEED, f"seed must lie between 0 and {limits.MAX_SEED}, got {self.seed}")
        _require(
            1 <= self.count <= limits.MAX_COUNT, f"count must lie between 1 and {limits.MAX_COUNT}, got {self.count}"
        )
        for what in ("grow", "feather"):
            pixels = getattr(self, what)
            _require(
                pixels is None or 0 <= pixels <= limits.MAX_MASK_REACH,
                f"{what} must lie between 0 and {limits.MAX_MASK_REACH} pixels, got {pixels}",
            )
        self._check_pictures()

    def _check_pictures(self) -> None:
        _require(
            len(self.references) <= limits.MAX_REFERENCES,
            f"at most {limits.MAX_REFERENCES} references are allowed, got {len(self.references)}",
        )
        _require(
            0 <= self.layers <= limits.MAX_LAYERS,
            f"layers must lie between 0 and {limits.MAX_LAYERS}, got {self.layers}",
        )
        if self.image is None:
            _require(self.layers == 0, "layers need an image that is taken apart into them")
            _require(self.mask is None and self.selection is None, "a mask or a selection needs an image")
            _require(self.strength == 1, "a strength below 1 needs an image to refine")
            return
        _require(self.image.extent == self.extent, f"the image is {self.image.extent}, the job {self.extent}")
        _require(
            (self.mask is None) == (self.selection is None), "a mask needs the selection's bounds, and they a mask"
        )
        if self.mask is not None and self.selection is not None:
            _require(self.mask.extent == self.extent, f"the mask is {self.mask.extent}, the image {self.extent}")
            _require(self.mask.order == "gray", f"a mask has one channel, this one is {self.mask.order}")
            _require(
                Bounds.of(self.extent).contains(self.selection),
                f"the selection reaches outside the image of {self.extent}",
            )

    @property
    def rasters(self) -> tuple[Raster, ...]:
        """The attachments that this job needs."""
        return tuple(raster for raster in (self.image, self.mask, *self.references) if raster is not None)

    def seed_of(self, picture: int) -> int:
        """Seed of the picture with that index, from 0; wraps around above `MAX_SEED`."""
        return (self.seed + picture) % (limits.MAX_SEED + 1)


def _layout(raster: Raster) -> str:
    return f"{raster.extent} {raster.order} {raster.depth} {raster.encoding}"


@dataclass(frozen=True)
class Picture:
    """One finished picture: a layer with straight alpha, to be laid at `bounds` of the job's extent.

    Where it was taken apart, `layers` are its layers from the lowest up, each of the same layout as `image`, which is how they
    look one over the other. Alone it is reproducible: the same job with this `seed` and a count of 1.
    `prompt` is the job's as this picture drew it, with every choice and wildcard settled, where there were any, and else empty.
    """

    image: Raster
    bounds: Bounds
    seed: int
    layers: tuple[Raster, ...] = ()
    prompt: str = ""

    def __post_init__(self) -> None:
        _require(
            self.image.extent == self.bounds.extent,
            f"the picture is {self.image.extent}, its bounds {self.bounds.extent}",
        )
        _require(
            len(self.layers) <= limits.MAX_LAYERS,
            f"at most {limits.MAX_LAYERS} layers are allowed, got {len(self.layers)}",
        )
        for layer in self.layers:
            _require(
                _layout(layer) == _layout(self.image), f"a layer is {_layout(layer)}, its picture {_layout(self.image)}"
            )
        _require(0 <= self.seed <= limits.MAX_SEED, f"seed must lie between 0 and {limits.MAX_SEED}, got {self.seed}")
        _require_text(self.prompt, limits.MAX_DRAWN_CHARS, "the prompt that was drawn")

    @property
    def rasters(self) -> tuple[Raster, ...]:
        """All that has to be fetched of it: the picture as a whole, and its layers from the lowest up."""
        return (self.image, *self.layers)


@dataclass(frozen=True)
class Failure:
    """Why something did not happen: a stable code for programs, and two sentences for the painter."""

    code: str
    happened: str
    remedy: str

    def __post_init__(self) -> None:
        _require(
            re.match(r"[a-z][a-z0-9_]{0,63}\Z", self.code) is not None, "a failure's code is a short lower-case name"
        )
        _require_text(self.happened, limits.MAX_PROMPT_CHARS, "happened")
        _require_text(self.remedy, limits.MAX_PROMPT_CHARS, "remedy")


@dataclass(frozen=True)
class ModelInfo:
    """A model that the server can run. `id` is what a style names; sizes are pixels.

    `native` is the side at which the model paints best, `multiple` what its sides must be multiples of. `problem` is
    empty, or says why the model cannot be used. `variant` is "base", "inpaint" for one that is shown the mask, "edit" for one
    that works from pictures, "layered" for one that takes them apart; `references` is how many pictures it can be shown, `layers`
    how many layers it makes of one at most, 0 where it makes none. `weights` is whether weights of words in a prompt mean
    something to it.
    """

    id: str
    name: str
    family: str
    native: int
    multiple: int
    context: Context
    steps: int
    guidance: float
    samplers: tuple[str, ...] = ()
    problem: str = ""
    variant: str = "base"
    references: int = 0
    layers: int = 0
    weights: bool = True


@dataclass(frozen=True)
class LoraInfo:
    """A LoRA that prompts can ask for by its `name`. `families` are those of the models that it may be for, as in `ModelInfo`;
    empty where it cannot be used, for the reason in `problem`."""

    name: str
    families: tuple[str, ...] = ()
    problem: str = ""


JobState = Literal["unknown", "receiving", "queued", "running", "done", "failed", "cancelled"]
"""Where a job is. "unknown" also for one of another installation, so that ids cannot be probed."""


@dataclass(frozen=True)
class JobStatus:
    """Where one job is."""

    id: str
    state: JobState


@dataclass(frozen=True)
class DeviceInfo:
    """What the models run on. Memory in bytes; 0 where it is not known yet."""

    name: str
    kind: Literal["cuda", "rocm", "mps", "xpu", "cpu", "unknown"] = "unknown"
    memory: int = 0
