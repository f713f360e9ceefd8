"""Jobs on disk: what must be known of each to use its result, should Krita end before that came."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..bundled import protocol
from ..canvas import Anchor

log = logging.getLogger(__name__)

MOST_KEPT: Final = 256
"""Jobs that are taken up again at a start: many times what the backend takes at once. Older ones are forgotten."""

MOST_FILE_BYTES: Final = 1024 * 1024
"""Of one job's file: a prompt of the greatest length and `MOST_LAYERS` layers take a tenth of it."""

MOST_LAYERS: Final = 200
"""Ids of layers by which a document is found again: one would do, more tell copies apart."""

SUFFIX: Final = ".json"

SET_ASIDE: Final = ".broken"
"""Added to the name of a file that cannot be read, so that it is not looked at again and can be reported."""


@dataclass(frozen=True)
class Position:
    """Where a layer was, in pixels of the canvas."""

    layer: str
    x: int
    y: int


@dataclass(frozen=True)
class Kept:
    """A job, as far as its result needs it.

    `document` is the name by which the painter knows the document; `identity` and `layers` find it again. `canvas`, `layer` and
    `positions` are the snapshot's anchor, `bounds` where on that canvas the job lies, and `extent` the size at which it is painted.
    `dealt` are the indices of the pictures that were applied or discarded.
    """

    id: str
    document: str
    identity: str
    layers: tuple[str, ...]
    canvas: protocol.Extent
    layer: str
    positions: tuple[Position, ...]
    bounds: protocol.Bounds
    extent: protocol.Extent
    prompt: str
    seed: int
    count: int = 1
    dealt: tuple[int, ...] = ()
    cancelled: bool = False

    def __post_init__(self) -> None:
        if not protocol.is_job_id(self.id):
            raise ValueError("a job's id must be 32 lower-case hexadecimal digits")

    @property
    def anchor(self) -> Anchor:
        """What the document looked like."""
        return Anchor(self.canvas, self.layer, {at.layer: (at.x, at.y) for at in self.positions})

    def on_canvas(self, part: protocol.Bounds) -> protocol.Bounds:
        """Return where on the canvas a part of the job's extent lies."""
        wide, high = self.bounds.width / self.extent.width, self.bounds.height / self.extent.height
        left, right = round(part.x * wide), max(round(part.right * wide), round(part.x * wide) + 1)
        top, bottom = round(part.y * high), max(round(part.bottom * high), round(part.y * high) + 1)
        return protocol.Bounds(left, top, right - left, bottom - top).moved(self.bounds.x, self.bounds.y)


class Keep:
    """A folder with a file for each job. Every method reads or writes the disk: for a thread aside. None raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, kept: Kept) -> None:
        """Keep a job, or what has become of it: whole or not at all."""
        text = json.dumps(protocol.to_plain(kept))
        path = self._path(kept.id)
        fresh = path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # prompts are the painter's own
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            # not forced to the disk: this is for the end of Krita, not of the machine
            fresh.replace(path)
        except OSError as error:
            log.warning("the job %s is not kept on disk: %s", kept.id, error)

    def forget(self, job_id: str) -> None:
        """Remove a job's file, if there is one."""
        try:
            self._path(job_id).unlink(missing_ok=True)
        except OSError as error:
            log.warning("the job %s is still kept on disk: %s", job_id, error)

    def load(self) -> tuple[Kept, ...]:
        """Return every job that is kept, the oldest first. What cannot be read is set aside."""
        try:
            files = [path for path in self._folder.iterdir() if path.suffix == SUFFIX]
            files.sort(key=lambda path: path.stat().st_mtime)
        except OSError:
            return ()
        for path in files[:-MOST_KEPT]:
            self.forget(path.stem)
        return tuple(kept for path in files[-MOST_KEPT:] if (kept := _read(path)) is not None)

    def _path(self, job_id: str) -> Path:
        return self._folder / f"{job_id}{SUFFIX}"


def _read(path: Path) -> Kept | None:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_FILE_BYTES + 1)
        if len(data) > MOST_FILE_BYTES:
            raise ValueError("it is too large")
        kept = protocol.from_plain(Kept, json.loads(data.decode("utf-8")))
        if kept.id != path.stem:
            raise ValueError("it names another job")
    except (OSError, ValueError, RecursionError, protocol.DecodeError) as error:
        log.warning("%s cannot be read and is set aside: %s", path, error)
        with contextlib.suppress(OSError):
            path.replace(path.with_name(path.name + SET_ASIDE))
        return None
    return kept
