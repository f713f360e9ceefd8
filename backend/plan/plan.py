"""The plan: what an executor runs. A frozen value; says everything, touches no pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.prompts import Words
from protocol import Bounds, Encoding, Extent, Raster


@dataclass(frozen=True)
class MaskPlan:
    """How the painter's mask becomes two: where the model may paint, and where its paint shows.

    All distances are pixels of the job's picture. The denoising mask is the painter's, dilated by `grow`, blurred over
    `feather`. The compositing mask never reaches past the painter's own: it falls off inside it, over `edge` pixels.
    `selection` bounds the mask's non-zero pixels, in the job's picture.
    """

    raster: Raster
    selection: Bounds
    grow: int
    feather: int
    edge: int


@dataclass(frozen=True)
class Plan:
    """One job, worked out.

    `extent` is the job's picture, `crop` the part of it that the model sees, `size` what the crop is resized to for the
    model, `result` the part that comes back as a layer. `image` is None for a picture from nothing. `prefill` says what
    stands beneath the mask before denoising. `references` are whole pictures that the model is shown; where it `edits`, the
    crop comes before them. Picture i has the seed `seeds[i]`; `words` are as many, or one for all of them where they do not differ.
    `rescale`, 0 to 1, is for classifier-free guidance. `layers` is how many the picture is taken apart into; 0 makes a flat one.
    `notes` are sentences for the painter, `matters` what each is about; `drawn` is the prompt that each picture drew, "" where
    nothing was left to chance.
    """

    job: str
    model: str
    family: str
    words: tuple[Words, ...]
    seeds: tuple[int, ...]
    extent: Extent
    crop: Bounds
    size: Extent
    result: Bounds
    sampler: str
    steps: int
    guidance: float
    strength: float
    image: Raster | None = None
    mask: MaskPlan | None = None
    prefill: Literal["none", "blur"] = "none"
    depth: Literal["u8", "u16"] = "u8"
    order: Literal["rgba", "bgra"] = "rgba"
    encoding: Encoding = "raw"
    previews: bool = True
    notes: tuple[str, ...] = ()
    matters: tuple[str, ...] = ()
    references: tuple[Raster, ...] = ()
    edits: bool = False
    rescale: float = 0.0
    layers: int = 0
    drawn: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.words) not in (1, len(self.seeds)):
            raise ValueError(f"words of {len(self.words)} pictures for {len(self.seeds)} seeds")
        if len(self.drawn) not in (0, len(self.seeds)):
            raise ValueError(f"prompts of {len(self.drawn)} pictures for {len(self.seeds)} seeds")

    def words_of(self, picture: int) -> Words:
        """What the picture with that index, from 0, is told in words."""
        return self.words[picture if len(self.words) > 1 else 0]
