"""Chroma."""

from __future__ import annotations

from typing import Any

from .case import Case


def mend(pipeline: Any) -> None:
    """Let diffusers' transformer hide what it means to hide, and its pipeline for inpainting run.

    The pipelines make their mask of truth values a mask of numbers, which attention adds instead (diffusers' issue 12116, put
    right there and lost again). The other one asks for a setting of FLUX.1's that Chroma's transformer has not got.
    """
    pipeline.transformer.register_forward_pre_hook(_of_truth_values, with_kwargs=True)
    pipeline.transformer.register_to_config(guidance_embeds=False)


def _of_truth_values(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
    return given, {**named, "attention_mask": named["attention_mask"].bool()}


CHROMA = (
    Case(
        "Chroma",
        "chroma",
        "chroma",
        guidance=3.0,
        negative=True,
        prepare=mend,
        image_to_image="ChromaImg2ImgPipeline",
        fill="ChromaInpaintPipeline",
    ),
)
