"""Z-Image."""

from __future__ import annotations

from .case import Case

ZIMAGE = (
    Case(
        "Z-Image",
        "zimage",
        "zimage",
        guidance=4.0,
        unguided=0.0,
        negative=True,
        image_to_image="ZImageImg2ImgPipeline",
        fill="ZImageInpaintPipeline",
    ),
)
