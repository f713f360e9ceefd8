"""What holds for a family of models."""

from __future__ import annotations

from dataclasses import dataclass

from .kinds import Device, DType, GuidanceKind, Variant


@dataclass(frozen=True)
class FamilyFacts:
    """One family. Sizes are pixels unless a model's own files say otherwise.

    `adapter` is the module under backend.families that holds its `load`; it runs the `variants`. `native` is the side at
    which the family's models were trained; `least_side` and `most_pixels` bound what they paint well in one pass. `steps`
    and `guidance` are the defaults; `context` is (padding, minimum) as in `protocol.Context`. `dtypes` names the dtype per
    kind of device. `pixel_bytes` is the memory that one pixel takes at the worst moment in float32, the model's weights
    aside. `wordless_strength` is how much of the blurred surroundings a model may change when it fills with no prompt: at 1
    it would paint whatever comes to it. `weights` says whether weights of words in a prompt mean something to it.
    """

    name: str
    title: str
    adapter: str
    native: int
    least_side: int
    most_pixels: int
    steps: int
    guidance: float
    guidance_kind: GuidanceKind
    sampler: str
    samplers: tuple[str, ...]
    context: tuple[float, int]
    dtypes: tuple[tuple[Device, DType], ...]
    pixel_bytes: int
    wordless_strength: float
    weights: bool
    variants: tuple[Variant, ...] = ("base",)
