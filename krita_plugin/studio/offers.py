"""Finished pictures until the painter has dealt with each: applied it, or discarded it."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ..bundled import protocol
from ..canvas import Document, layer_name
from ..qt import QtGui
from .keep import Kept
from .pictures import Content, Look
from .views import Offer

MOST_HELD_BYTES: Final = 512 * 1024 * 1024
"""Pixels of finished pictures in memory: two of 8192 x 8192, or 128 of 1024 x 1024. Beyond that the oldest are dropped, but
for those that are looked at; the backend has them on its disk as long as they are not acknowledged, and is asked for them again when
they are wanted."""

Placeable = tuple[Content, ...]
"""The bytes of a picture, or of each of its layers, the lowest first."""


@dataclass(eq=False)
class Finished:
    """A job with its pictures. `contents` are their bytes by content hash, empty while they are dropped.

    `document` is the open one in which it is offered or about to become a layer. `certain` is the one to which it is known to
    belong: where it was asked for, or where the painter has applied it. `looks` are there by index once made. It is not `offered`
    while its one picture is about to become a layer by itself. `applied` and `discarded` are indices; `wanted` those to apply as
    soon as their pixels are here again.
    """

    kept: Kept
    done: protocol.Done
    contents: Mapping[str, Content]
    document: Document | None
    offered: bool
    looks: dict[int, Look] = field(default_factory=dict)
    thumbnails: dict[int, QtGui.QImage] = field(default_factory=dict)
    applied: set[int] = field(default_factory=set)
    discarded: set[int] = field(default_factory=set)
    wanted: set[int] = field(default_factory=set)
    fetching: bool = False
    certain: Document | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.kept.id

    @property
    def pictures(self) -> tuple[protocol.Picture, ...]:
        """What was painted, the discarded too."""
        return self.done.pictures

    @property
    def left(self) -> list[int]:
        """Indices of the pictures that were not discarded."""
        return [index for index in range(len(self.pictures)) if index not in self.discarded]

    @property
    def dealt_with(self) -> bool:
        """Whether each picture was applied or discarded."""
        return all(index in self.applied for index in self.left)

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return sum(map(len, self.contents.values())) + sum(look.size for look in self.looks.values())

    def here(self, index: int) -> bool:
        """Return whether the bytes of what becomes of a picture in Krita are in memory."""
        # asked for by key: to PyQt5 a QByteArray that begins with a zero byte equals None
        return all(raster.content in self.contents for raster in self._rasters(index))

    def placeable(self, index: int) -> Placeable:
        """Return the bytes of what becomes of a picture in Krita: its own, or those of its layers. Raises KeyError where they are not here."""
        return tuple(self.contents[raster.content] for raster in self._rasters(index))

    def _rasters(self, index: int) -> tuple[protocol.Raster, ...]:
        picture = self.pictures[index]
        return picture.layers or (picture.image,)

    def deal(self, index: int, discarded: bool) -> None:
        """Note what became of a picture."""
        (self.discarded if discarded else self.applied).add(index)
        self.kept = replace(self.kept, dealt=tuple(sorted(self.applied | self.discarded)))

    def drop(self) -> None:
        """Let the pixels go; thumbnails stay."""
        self.contents = {}
        self.looks.clear()

    def shown(self, looks: dict[int, Look]) -> None:
        """Take how the pictures look."""
        self.looks.update(looks)
        self.thumbnails.update({index: look.thumbnail for index, look in looks.items()})

    def offers(self) -> list[Offer]:
        """Return what the docker shows of it."""
        if not self.offered:
            return []
        return [self._offer(index, self.thumbnails[index]) for index in self.left if index in self.thumbnails]

    def prompt(self, index: int) -> str:
        """Return what a picture was asked for with, as it drew that."""
        return self.pictures[index].prompt or self.kept.prompt

    def _offer(self, index: int, thumbnail: QtGui.QImage) -> Offer:
        picture, title = self.pictures[index], layer_name(self.prompt(index))
        return Offer(self.id, index, title, picture.seed, thumbnail, index in self.applied, picture.prompt)


class Shelf:
    """Every job whose pictures are here, the oldest first."""

    def __init__(self, most_bytes: int = MOST_HELD_BYTES) -> None:
        self._most = most_bytes
        self._jobs: dict[str, Finished] = {}

    def __iter__(self) -> Iterator[Finished]:
        return iter(list(self._jobs.values()))

    def get(self, job_id: str) -> Finished | None:
        """Return a job, None where it is not here."""
        return self._jobs.get(job_id)

    def put(self, finished: Finished) -> None:
        """Take a job."""
        self._jobs[finished.id] = finished

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._jobs.pop(job_id, None)

    def shrink(self, needed: Container[str]) -> None:
        """Let the oldest pixels go until the rest is within bounds, but not those of jobs that are `needed`, however large."""
        held = sum(finished.size for finished in self)
        for finished in self:
            if held <= self._most:
                return
            if finished.id not in needed and finished.offered and not finished.wanted:
                held -= finished.size
                finished.drop()
