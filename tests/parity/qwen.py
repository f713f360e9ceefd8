"""Qwen-Image."""

from __future__ import annotations

from protocol import Extent

from .case import Case
from .qwen_vl import tell_places

PIPELINES = "diffusers.pipelines.qwenimage"

QWEN = (
    Case(
        "Qwen-Image",
        "qwen",
        "qwen",
        guided="true_cfg_scale",
        negative=True,
        image_to_image="QwenImageImg2ImgPipeline",
        fill="QwenImageInpaintPipeline",
    ),
    Case(
        "Qwen-Image-Edit",
        "qwen_edit",
        "qwen",
        # of the area that its pipeline shows pictures in: ours shows the canvas in the size that is painted
        extent=Extent(64, 64),
        guided="true_cfg_scale",
        negative=True,
        edits=True,
        of_bytes=True,
        prepare=tell_places,
        sized_by=f"{PIPELINES}.pipeline_qwenimage_edit",
    ),
    Case(
        "Qwen-Image-Edit-2511",
        "qwen_edit_plus",
        "qwen",
        # of the area that its pipeline shows pictures in: ours shows the canvas in the size that is painted
        extent=Extent(64, 64),
        guided="true_cfg_scale",
        negative=True,
        edits=True,
        of_bytes=True,
        prepare=tell_places,
        sized_by=f"{PIPELINES}.pipeline_qwenimage_edit_plus",
    ),
    Case(
        "Qwen-Image-Layered",
        "qwen_layered",
        "qwen",
        extent=Extent(32, 32),
        guided="true_cfg_scale",
        negative=True,
        # its card asks for it, though diffusers would leave it out
        told={"cfg_normalize": True},
        edits=True,
        of_bytes=True,
        prepare=tell_places,
        sized_by=f"{PIPELINES}.pipeline_qwenimage_layered",
        own_size=True,
        layered=True,
    ),
)
