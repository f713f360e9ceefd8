"""Stable Diffusion 1.x."""

from __future__ import annotations

from .case import Case

SD1 = (
    Case(
        "Stable Diffusion 1.5",
        "sd15",
        "sd1",
        "ddim",
        guidance=7.5,
        negative=True,
        image_to_image="StableDiffusionImg2ImgPipeline",
    ),
    Case("Stable Diffusion 1.5 for inpainting", "sd15_inpaint", "sd1", "ddim", guidance=7.5, negative=True),
)
