"""FLUX.2. Its pipelines take pictures from 64 pixels a side on."""

from __future__ import annotations

from protocol import Extent

from .case import Case

EXTENT = Extent(96, 64)

FLUX2 = (
    Case("FLUX.2 dev", "flux2", "flux2", extent=EXTENT),
    Case("FLUX.2 dev, shown a picture", "flux2", "flux2", extent=EXTENT, edits=True, of_bytes=True),
    Case("FLUX.2 Klein", "flux2_klein", "flux2", extent=EXTENT, guidance=1.0),
    Case(
        "FLUX.2 Klein, shown a picture",
        "flux2_klein",
        "flux2",
        extent=EXTENT,
        guidance=1.0,
        edits=True,
        of_bytes=True,
        fill="Flux2KleinInpaintPipeline",
    ),
    Case("FLUX.2 Klein Base", "flux2_klein_base", "flux2", extent=EXTENT, negative_embeds=True),
    Case(
        "FLUX.2 Klein Base, shown a picture",
        "flux2_klein_base",
        "flux2",
        extent=EXTENT,
        edits=True,
        negative_embeds=True,
        of_bytes=True,
        fill="Flux2KleinInpaintPipeline",
    ),
)
