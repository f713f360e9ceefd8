"""Takes from a document what a job needs: the pixels there, the mask, and where the result belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..bundled import protocol
from .anchor import Anchor, take_anchor
from .api import Document
from .colour import raw_depth, result_depth
from .document import DOCUMENT_CLOSED, extent_of
from .pixels import Pixels
from .scaling import Steps, at_once, read_smaller, read_smaller_mask, working_bounds, working_extent
from .selection import read_mask, selection_in_force

SELECTION_TOO_THIN: Final = protocol.Failure(
    "selection_too_thin",
    "What is selected reaches over more of the canvas than can be painted at once, and is too thin to be painted smaller.",
    "Select a smaller part of the canvas.",
)
CANVAS_CHANGED: Final = protocol.Failure(
    "canvas_changed", "The canvas got another size while it was read.", "Press Generate again."
)


@dataclass(frozen=True)
class Snapshot:
    """A part of a document as it was at one moment.

    `image` is what is seen at `bounds` of the canvas: BGRA, sRGB-encoded, "u16" in a 16-bit sRGB document and "u8" in any
    other. `mask` is gray u8 of the same size and `selection` the part of the canvas, inside `bounds`, outside of which it
    is zero; both None where nothing was selected. `depth` is the one to ask for the result. An area too large to be painted
    at once is there smaller: image and mask have `scale` times the size of `bounds`, which is 1.0 for any other.
    """

    image: Pixels
    bounds: protocol.Bounds
    mask: Pixels | None
    selection: protocol.Bounds | None
    depth: protocol.Depth
    anchor: Anchor

    @property
    def scale(self) -> float:
        """Pixels of the image for each of the canvas, along a side."""
        return self.image.extent.width / self.bounds.width

    @property
    def painted(self) -> protocol.Bounds | None:
        """The selection as the image counts its pixels; None where nothing was selected."""
        if self.selection is None:
            return None
        inside = self.selection.relative_to(self.bounds)
        if self.image.extent == self.bounds.extent:
            return inside
        return working_bounds(inside, self.bounds.extent, self.image.extent)


def take_snapshot(
    document: Document,
    bounds: protocol.Bounds,
    selection: protocol.Bounds | None,
    most_pixels: int = protocol.MAX_PIXELS,
) -> Snapshot | protocol.Failure:
    """Return what is at `bounds` of the document, without a pause; see `snapshot_steps`."""
    return at_once(snapshot_steps(document, bounds, selection, most_pixels))


def snapshot_steps(
    document: Document,
    bounds: protocol.Bounds,
    selection: protocol.Bounds | None,
    most_pixels: int = protocol.MAX_PIXELS,
) -> Steps[Snapshot | protocol.Failure]:
    """Read what is at `bounds` of the document; return a Failure where it cannot be read.

    An area of at most `most_pixels` is read at once, before the first yield. A larger one is read smaller, strip by strip: go
    on when the document is at rest. What is painted between two steps may be on it or not.

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
    anchor, depth = take_anchor(document, canvas), result_depth(document)
    working = working_extent(bounds.extent, most_pixels)
    if working != bounds.extent:
        return (yield from _smaller(document, bounds, selection, working, anchor))
    mask = read_mask(document, bounds) if selection is not None else None
    return Snapshot(_read(document, bounds), bounds, mask, selection if mask is not None else None, depth, anchor)


def _smaller(
    document: Document,
    bounds: protocol.Bounds,
    selection: protocol.Bounds | None,
    working: protocol.Extent,
    anchor: Anchor,
) -> Steps[Snapshot | protocol.Failure]:
    mask, depth = None, result_depth(document)
    selected = selection_in_force(document) if selection is not None else None
    if selected is not None:
        # first, and from a copy: the painter may select something else meanwhile
        mask = yield from read_smaller_mask(selected.duplicate(), bounds, working)
        if mask is None:
            return SELECTION_TOO_THIN
    reading = read_smaller(document, bounds, working)
    while extent_of(document) == anchor.canvas:
        try:
            next(reading)
        except StopIteration as end:
            return Snapshot(end.value, bounds, mask, selection if mask is not None else None, depth, anchor)
        yield
    return DOCUMENT_CLOSED if extent_of(document) is None else CANVAS_CHANGED


def _read(document: Document, bounds: protocol.Bounds) -> Pixels:
    at = (bounds.x, bounds.y, bounds.width, bounds.height)
    depth = raw_depth(document)
    if depth is not None:
        return Pixels(document.pixelData(*at), bounds.extent, "bgra", depth)
    return Pixels.of_image(document.projection(*at))
