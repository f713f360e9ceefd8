"""LongCat-Image."""

from __future__ import annotations

from protocol import Extent

from .case import Case
from .qwen_vl import tell_places

LONGCAT = (
    Case(
        "LongCat-Image",
        "longcat",
        "longcat",
        guidance=4.5,
        negative=True,
        told={"enable_prompt_rewrite": False},
        prepare=tell_places,
    ),
    Case(
        "LongCat-Image-Edit",
        "longcat_edit",
        "longcat",
        extent=Extent(80, 64),
        guidance=4.5,
        negative=True,
        edits=True,
        of_bytes=True,
        prepare=tell_places,
        sized_by="diffusers.pipelines.longcat_image.pipeline_longcat_image_edit",
        own_size=True,
    ),
)
