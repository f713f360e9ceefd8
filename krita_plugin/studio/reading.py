"""What is read of a document for one job: the part of the canvas that it needs, and the layers that the model is shown."""

from __future__ import annotations

from dataclasses import dataclass

from .. import canvas
from ..bundled import protocol
from ..canvas import Document, Pixels, Snapshot, Steps
from .settings import Reference


@dataclass(frozen=True)
class Read:
    """Pixels for one job. `references` are in the painter's order, each with its pixels, or why there are none."""

    snapshot: Snapshot
    references: tuple[Pixels | protocol.Failure, ...] = ()

    @property
    def size(self) -> int:
        """Number of bytes."""
        shot = self.snapshot
        found = [shot.image, shot.mask, *self.references]
        return sum(pixels.size for pixels in found if isinstance(pixels, Pixels))


def read_steps(
    document: Document,
    bounds: protocol.Bounds,
    selected: protocol.Bounds | None,
    most_pixels: int,
    references: tuple[Reference, ...],
) -> Steps[Read | protocol.Failure]:
    """Read a job's part of the canvas, then the references; see `snapshot_steps` and `reference_steps`."""
    shot = yield from canvas.snapshot_steps(document, bounds, selected, most_pixels)
    if isinstance(shot, protocol.Failure):
        return shot
    found = []
    for reference in references:
        pixels = yield from canvas.reference_steps(document, reference.layer, reference.name)
        found.append(pixels)
    return Read(shot, tuple(found))
