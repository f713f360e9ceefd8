"""Stable Diffusion 1.x."""

from __future__ import annotations

from typing import Any

from .case import Case


def show_final_norm(pipeline: Any) -> None:
    """Let diffusers find the text encoder's final norm, which it seeks where transformers had it before version 5."""
    object.__setattr__(pipeline.text_encoder, "text_model", pipeline.text_encoder)


SD1 = (
    Case(
        "Stable Diffusion 1.5",
        "sd15",
        "sd1",
        "ddim",
        guidance=7.5,
        negative=True,
        image_to_image="StableDiffusionImg2ImgPipeline",
        fill="StableDiffusionInpaintPipeline",
    ),
    Case(
        "Stable Diffusion 1.5 for inpainting",
        "sd15_inpaint",
        "sd1",
        "ddim",
        guidance=7.5,
        negative=True,
        takes_mask=True,
    ),
    # its image-to-image pipeline does not rescale
    Case(
        "Stable Diffusion 1.5 of velocity, rescaled",
        "sd15_velocity",
        "sd1",
        "ddim",
        guidance=7.5,
        negative=True,
        rescale=0.7,
        told={"guidance_rescale": 0.7},
    ),
    # diffusers skips layers for the prompt alone, A1111 and we for the negative one too
    Case(
        "Stable Diffusion 1.5 with clip skip",
        "sd15",
        "sd1",
        "ddim",
        guidance=1.0,
        clip_skip=2,
        told={"clip_skip": 1},
        prepare=show_final_norm,
        image_to_image="StableDiffusionImg2ImgPipeline",
    ),
)
