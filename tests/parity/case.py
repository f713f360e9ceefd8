"""One model of a family: how to load it for us and for diffusers, and what its pipelines want to be told."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from tiny_models.oracle import load_pipeline

from backend.families.adapter import Adapter
from protocol import Extent

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """One model of a family.

    `tiny` is the builder in tiny_models, as its fixture `tiny_...` is called; `adapter` the module in backend.families.
    `image_to_image` and `fill` are classes of diffusers that do what our loop does with a picture below full strength and
    with a mask; empty where there is none, or one by another method. `told` are arguments for all of its pipelines,
    `guided` the name of the one for guidance. `negative` is whether a negative prompt is told. A case that `edits` is
    shown the picture as a reference; one that `takes_mask` is shown mask and masked picture. `samples_picture` is for a pipeline that draws the picture's latents at full
    strength too. `prepare` puts something right in the pipeline that was loaded.

    `unguided` is what its pipelines call no guidance. `negative_embeds` is for one that takes the negative prompt only as
    its `encode_prompt` makes it. A pipeline `of_bytes` takes pictures as PIL's alone, 8 bits a channel.

    `sized_by` is the module of diffusers whose `calculate_dimensions` brings pictures to a megapixel or so; while the case is
    measured it gives them a small part of that, see `smaller`. A pipeline of its `own_size` is not told one. A `layered`
    one makes several pictures with transparency of each.

    `clip_skip`, as painters count, and `rescale`, of the guidance, are what our side is told; `told` tells the pipelines.
    """

    title: str
    tiny: str
    adapter: str
    sampler: str = "flow_euler"
    extent: Extent = field(default=Extent(64, 48))
    guidance: float = 4.0
    guided: str = "guidance_scale"
    negative: bool = False
    told: Mapping[str, Any] = field(default_factory=dict)
    image_to_image: str = ""
    fill: str = ""
    edits: bool = False
    takes_mask: bool = False
    samples_picture: bool = False
    prepare: Callable[[Any], None] | None = None
    unguided: float = 1.0
    negative_embeds: bool = False
    of_bytes: bool = False
    sized_by: str = ""
    own_size: bool = False
    layered: bool = False
    clip_skip: int = 1
    rescale: float = 0.0

    def __str__(self) -> str:
        return self.title


@dataclass(frozen=True)
class Both:
    """One model, loaded twice: for us, and for diffusers' own pipelines."""

    case: Case
    adapter: Adapter
    pipeline: Any

    def of_class(self, name: str) -> Any:
        """The same parts in another of diffusers' pipelines."""
        made = getattr(diffusers, name)(**self.pipeline.components)
        made.set_progress_bar_config(disable=True)
        return made

    def picture(self) -> torch.Tensor:
        """A smooth picture of the case's size, -1 to 1, with every colour in it, `[1, 3, height, width]`."""
        extent = self.case.extent
        y, x = torch.meshgrid(torch.linspace(-1, 1, extent.height), torch.linspace(-1, 1, extent.width), indexing="ij")
        picture = torch.stack([x, y, x * y])[None]
        return (picture * 127.5 + 127.5).round() / 127.5 - 1 if self.case.of_bytes else picture

    def mask(self) -> torch.Tensor:
        """White on the left half, `[1, 1, height, width]`."""
        extent = self.case.extent
        mask = torch.zeros(1, 1, extent.height, extent.width)
        mask[..., : extent.width // 2] = 1
        return mask


def load_both(case: Case, folder: Path, device: torch.device = CPU, dtype: torch.dtype = torch.float32) -> Both:
    """Load a case's model from its folder."""
    module = importlib.import_module(f"backend.families.{case.adapter}")
    pipeline = load_pipeline(folder, dtype=dtype).to(device)
    if pipeline.scheduler.config.get("timestep_spacing") == "leading":
        # so few steps would begin far below pure noise
        pipeline.scheduler.register_to_config(timestep_spacing="trailing")
    if case.prepare is not None:
        case.prepare(pipeline)
    return Both(case, module.load(folder, device, dtype), pipeline)


def smaller(sizing: Callable[..., Any]) -> Callable[..., Any]:
    """diffusers' function of an area and a ratio, for a 256th of the area: a megapixel becomes 64 pixels squared."""

    def size(target_area: int, ratio: float) -> Any:
        return sizing(target_area // 256, ratio)

    return size
