"""Stable Diffusion 3.x."""

from __future__ import annotations

from .case import Case

SD3 = (
    Case(
        "Stable Diffusion 3.5 medium",
        "sd3",
        "sd3",
        guidance=4.5,
        negative=True,
        image_to_image="StableDiffusion3Img2ImgPipeline",
    ),
    Case("Stable Diffusion 3.5 large without T5", "sd3_large", "sd3", guidance=3.5, negative=True),
)
