"""Takes from a document what a job needs: the pixels there, the mask, and where the result belongs."""

from __future__ import annotations

from dataclasses import dataclass

from ..bundled import protocol
from .anchor import Anchor, take_anchor
from .api import Document
from .colour import raw_depth, result_depth
from .document import DOCUMENT_CLOSED, extent_of
from .pixels import Pixels
from .selection import read_mask


@dataclass(frozen=True)
class Snapshot:
    """A part of a document as it was at one moment.

    `image` is what is seen at `bounds` of the canvas: BGRA, sRGB-encoded, "u16" in a 16-bit sRGB document and "u8" in any
    other. `mask` is gray u8 of the same size and `selection` the part of the canvas, inside `bounds`, outside of which it
    is zero; both None where nothing was selected. `depth` is the one to ask for the result.
    """

    image: Pixels
    bounds: protocol.Bounds
    mask: Pixels | None
    selection: protocol.Bounds | None
    depth: protocol.Depth
    anchor: Anchor


def take_snapshot(
    document: Document, bounds: protocol.Bounds, selection: protocol.Bounds | None
) -> Snapshot | protocol.Failure:
    """Return what is at `bounds` of the document; a Failure where it cannot be read.

    `selection` is what `selected_bounds()` gave, and `bounds` what `context_bounds()` made of it; nothing else of the canvas
    is read. Raises ValueError where they do not lie on the canvas and in each other.
    """
    canvas = extent_of(document)
    if canvas is None:
        return DOCUMENT_CLOSED
    if not protocol.Bounds.of(canvas).contains(bounds):
        raise ValueError(f"the bounds {bounds} reach outside the canvas of {canvas}")
    if selection is not None and not bounds.contains(selection):
        raise ValueError(f"the selection {selection} reaches outside the bounds {bounds}")
    if bounds.extent.area > protocol.MAX_PIXELS:
        return protocol.Failure(
            "area_too_large",
            f"An area of {bounds.extent} pixels is more than can be painted at once.",
            "Select a smaller part of the canvas.",
        )
    mask = read_mask(document, bounds) if selection is not None else None
    return Snapshot(
        _read(document, bounds),
        bounds,
        mask,
        selection if mask is not None else None,
        result_depth(document),
        take_anchor(document, canvas),
    )


def _read(document: Document, bounds: protocol.Bounds) -> Pixels:
    at = (bounds.x, bounds.y, bounds.width, bounds.height)
    depth = raw_depth(document)
    if depth is not None:
        return Pixels(document.pixelData(*at), bounds.extent, "bgra", depth)
    return Pixels.of_image(document.projection(*at))
