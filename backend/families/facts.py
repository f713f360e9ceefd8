"""What is known about each model family: one row each, pure data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Device = Literal["cuda", "rocm", "mps", "xpu", "cpu"]
DType = Literal["float32", "float16", "bfloat16"]


@dataclass(frozen=True)
class FamilyFacts:
    """One family. Sizes are pixels unless a model's own files say otherwise.

    `adapter` is the module under backend.families that holds its `Adapter`. `native` is the side at which the family's
    models were trained; `least_side` and `most_pixels` bound what they paint well in one pass. `steps` and `guidance` are
    the defaults; `context` is (padding, minimum) as in `protocol.Context`. `dtypes` names the dtype per kind of device.
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
    negative_prompt: bool = True


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
        dtypes=(("cuda", "float16"), ("rocm", "float16"), ("xpu", "float16"), ("mps", "float32"), ("cpu", "float32")),
    ),
}
"""Families by name."""
