"""Pictures that become layers as soon as nothing else is being done to their document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .. import canvas
from ..bundled import protocol
from ..canvas import Added, Note, Pixels, Stack, Steps
from ..canvas.layer import NOT_ADDED
from ..qt import QtCore
from .aside import Aside
from .offers import Finished, Placeable
from .pictures import for_krita
from .reentry import not_inside_itself

NOTES: Final[dict[Note, str]] = {
    Note.LAYER_GONE: "The layer that it was made for is gone, so the new layer is above the one that is active now.",
    Note.GROUP_CLOSED: "The layer that it was made for lies in a hidden or locked group, so the new layer is above that group.",
    Note.CANVAS_SHIFTED: "The canvas was cropped or extended meanwhile, so the new layer has moved along with the picture.",
    Note.ENLARGED: "The area is larger than can be painted at once: it was painted smaller and enlarged, so fine detail is soft.",
    Note.CANVAS_RESIZED: "The canvas has another size than before, so see whether the new layer is where it belongs.",
}
"""What is told of each thing that became different while the picture was made."""


def told(notes: tuple[Note, ...]) -> list[str]:
    """Return a sentence for each note."""
    return [NOTES[note] for note in notes]


@dataclass(eq=False)
class Placement:
    """One picture that is to become a layer, or a group of layers; `picture` is there once its bytes are as Krita takes them,
    and `writing` while they go into the layers."""

    finished: Finished
    index: int
    picture: Pixels | Stack | None = None
    writing: Steps[Added | protocol.Failure] | None = None


Placed = Callable[[Placement, Added], None]
Stayed = Callable[[Placement, protocol.Failure], None]


class Placing:
    """What waits for its document to be at rest. `placed` or `stayed` gets each in the end."""

    def __init__(self, aside: Aside, placed: Placed, stayed: Stayed) -> None:
        self._aside = aside
        self._placed = placed
        self._stayed = stayed
        self._waiting: list[Placement] = []

    @property
    def waiting(self) -> tuple[Placement, ...]:
        """What is not a layer yet."""
        return tuple(self._waiting)

    @property
    def due(self) -> bool:
        """Whether there is any."""
        return bool(self._waiting)

    @property
    def writing(self) -> bool:
        """Whether a layer is being written, step by step."""
        return any(waiting.writing is not None for waiting in self._waiting)

    @property
    def busy(self) -> set[str]:
        """Ids of the jobs that have any."""
        return {placement.finished.id for placement in self._waiting}

    def has(self, job_id: str, index: int) -> bool:
        """Return whether this picture waits already."""
        return any((waiting.finished.id, waiting.index) == (job_id, index) for waiting in self._waiting)

    def add(self, finished: Finished, index: int, contents: Placeable) -> None:
        """Have a picture become a layer; one that was taken apart a group of its layers."""
        picture = finished.pictures[index]
        rasters = picture.layers or (picture.image,)
        placement = Placement(finished, index)
        self._waiting.append(placement)

        def convert() -> Pixels | Stack:
            layers = tuple(
                Pixels(for_krita(content), raster.extent, raster.order, raster.depth)
                for raster, content in zip(rasters, contents, strict=True)
            )
            return layers if picture.layers else layers[0]

        if all(isinstance(content, QtCore.QByteArray) for content in contents):
            placement.picture = convert()
            self.step()
            return

        def converted(picture: Pixels | Stack) -> None:
            placement.picture = picture
            self.step()

        def failed(error: Exception) -> None:
            self._forget(placement)
            # a picture that nobody has seen yet is offered
            self._stayed(placement, NOT_ADDED)
            raise error

        self._aside.do(convert, converted, failed)

    def drop(self, job_id: str, index: int | None = None) -> bool:
        """Forget one of a job's pictures, or all of them; return whether there was any."""
        before = len(self._waiting)
        self._waiting = [
            waiting
            for waiting in self._waiting
            if waiting.finished.id != job_id or (index is not None and waiting.index != index)
        ]
        return len(self._waiting) < before

    @not_inside_itself
    def step(self) -> None:
        """Go on with the layers of documents at rest; the next layer comes after whatever else waits in the event loop."""
        for placement in list(self._waiting):
            if placement.picture is None or placement not in self._waiting:
                continue
            try:
                added = self._go_on(placement, placement.picture)
            except Exception:
                # tried again every moment, it would fail every moment
                self._forget(placement)
                self._stayed(placement, NOT_ADDED)
                raise
            if added is None:
                continue
            self._forget(placement)
            if isinstance(added, protocol.Failure):
                self._stayed(placement, added)
            else:
                self._placed(placement, added)
                return

    def _go_on(self, placement: Placement, picture: Pixels | Stack) -> Added | protocol.Failure | None:
        """Do one step; return how it ended, None while it has not."""
        finished = placement.finished
        if finished.document is None or canvas.extent_of(finished.document) is None:
            return canvas.DOCUMENT_CLOSED
        if not canvas.is_at_rest(finished.document):
            return None
        if placement.writing is None:
            kept = finished.kept
            bounds = kept.on_canvas(finished.pictures[placement.index].bounds)
            prompt = finished.prompt(placement.index)
            placement.writing = canvas.layer_steps(finished.document, picture, bounds, prompt, kept.anchor)
        added = canvas.advance(placement.writing)
        if added is not None:
            placement.writing = None
        return None if added == canvas.NOT_AT_REST else added

    def _forget(self, placement: Placement) -> None:
        self._waiting = [waiting for waiting in self._waiting if waiting is not placement]
