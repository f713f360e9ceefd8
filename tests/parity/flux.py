"""FLUX.1."""

from __future__ import annotations

from .case import Case

FLUX = (
    Case("FLUX.1 dev", "flux", "flux", guidance=3.5, image_to_image="FluxImg2ImgPipeline"),
    Case(
        "FLUX.1 schnell",
        "flux_schnell",
        "flux",
        guidance=1.0,
        told={"max_sequence_length": 256},
        image_to_image="FluxImg2ImgPipeline",
    ),
    Case("FLUX.1 Fill", "flux_fill", "flux", guidance=30.0, takes_mask=True, samples_picture=True),
    Case(
        "FLUX.1 Kontext",
        "flux_kontext",
        "flux",
        guidance=2.5,
        edits=True,
        told={"_auto_resize": False, "max_area": 64 * 48},
    ),
)
