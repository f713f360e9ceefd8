"""Stable Diffusion XL, and what was trained or distilled from it in another way."""

from __future__ import annotations

from typing import Final

from .case import Case

TO_IMAGE: Final = "StableDiffusionXLImg2ImgPipeline"
FILL: Final = "StableDiffusionXLInpaintPipeline"

SDXL = (
    Case(
        "Stable Diffusion XL",
        "sdxl",
        "sdxl",
        "euler",
        guidance=5.0,
        negative=True,
        image_to_image=TO_IMAGE,
        fill=FILL,
    ),
    Case(
        "Stable Diffusion XL for inpainting",
        "sdxl_inpaint",
        "sdxl",
        "euler",
        guidance=5.0,
        negative=True,
        takes_mask=True,
    ),
    Case(
        "Stable Diffusion XL of velocity, rescaled",
        "sdxl_velocity",
        "sdxl",
        "euler",
        guidance=5.0,
        negative=True,
        rescale=0.7,
        told={"guidance_rescale": 0.7},
        image_to_image=TO_IMAGE,
        fill=FILL,
    ),
    # diffusers skips layers for the prompt alone, A1111 and we for the negative one too
    Case(
        "Stable Diffusion XL with clip skip",
        "sdxl",
        "sdxl",
        "euler",
        guidance=1.0,
        clip_skip=3,
        told={"clip_skip": 1},
        image_to_image=TO_IMAGE,
    ),
    Case("Stable Diffusion XL Turbo", "sdxl_turbo", "sdxl", "euler_a", guidance=1.0, image_to_image=TO_IMAGE),
    Case("Stable Diffusion XL of consistency", "sdxl_lcm", "sdxl", "lcm", guidance=8.0, image_to_image=TO_IMAGE),
)
