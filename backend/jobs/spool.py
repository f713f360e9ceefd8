"""How jobs ended, kept until their owners have taken note: on disk, so that a restart loses nothing, and bounded."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from protocol import Done

from . import spool_file
from .queue import JobKey
from .spool_file import EndedJob, SpoolFileError

log = logging.getLogger(__name__)

SPOOL_BYTES: Final = 4 * 1024**3
"""Contents of all ends: a thousand pictures of 1024 x 1024 pixels, or the largest job twice."""

SPOOL_ENDS: Final = 512
"""Ends of jobs. All of them can be asked for in one query."""

SPOOL_SECONDS: Final = 7 * 24 * 3600.0
"""Age of an end: a painter who comes back after a few days off still finds it."""

RECENT_BYTES: Final = 256 * 1024 * 1024
"""Contents that stay in memory besides: an owner who is there fetches them within moments."""

NOT_ON_DISK: Final = (
    "The result could not be written to the disk (%s), so it is kept in memory only until the backend stops. "
    "Make room on the disk."
)

_FULL: Final = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@dataclass
class _Entry:
    ended: EndedJob
    contents: Mapping[str, bytes] | None
    on_disk: bool
    turned_away: bool = False

    @property
    def key(self) -> JobKey:
        return JobKey(self.ended.owner, self.ended.end.id)


class Spool:
    """All ends that were not acknowledged, the oldest first. What is over a bound is dropped, the oldest first, with a log line.

    An end that the disk has no room for stays in memory, counts as any other, and says so in its notes. To be used from one
    event loop; files are written in a thread. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.time,
        most_bytes: int = SPOOL_BYTES,
        most_ends: int = SPOOL_ENDS,
        most_seconds: float = SPOOL_SECONDS,
        recent_bytes: int = RECENT_BYTES,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._most_bytes = most_bytes
        self._most_ends = most_ends
        self._most_seconds = most_seconds
        self._recent_bytes = recent_bytes
        self._entries: OrderedDict[JobKey, _Entry] = OrderedDict()
        self._bytes = 0
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        """Number of ends."""
        return len(self._entries)

    def load(self) -> None:
        """Find what an earlier run has left. What is broken is logged and removed."""
        found = []
        try:
            for path in self._folder.iterdir():
                if path.suffix == spool_file.PART_SUFFIX:
                    path.unlink(missing_ok=True)
                elif path.suffix == spool_file.SUFFIX:
                    found += self._read(path)
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("results of an earlier run cannot be looked for in %s: %s", self._folder, error)
        found.sort(key=lambda ended: ended.ended)
        for ended in found:
            self._add(_Entry(ended, None, on_disk=True))
        self._prune()

    def find(self, key: JobKey) -> EndedJob | None:
        """Return how a job ended, None when that is not known (any more)."""
        self._prune()
        entry = self._entries.get(key)
        return entry.ended if entry is not None else None

    async def put(self, ended: EndedJob, contents: Mapping[str, bytes]) -> EndedJob:
        """Keep an end; return it as it is to be told, with a note when it is not on disk. Never raises OSError."""
        entry = _Entry(ended, contents, on_disk=False)
        self._add(entry)
        self._prune()
        async with self._writing:
            error = await self._save(entry)
            if error is None:
                await self._save_others()
        if error is not None and isinstance(ended.end, Done):
            reason = "it is full" if error.errno in _FULL else error.strerror or str(error)
            end = replace(ended.end, notes=(*ended.end.notes, NOT_ON_DISK % reason))
            entry.ended = replace(ended, end=end)
        self._forget_old_contents()
        return entry.ended

    def content(self, owner: str, name: str) -> bytes | None:
        """Return the bytes of a picture in an end of that owner; None when there is none, or the disk has spoilt it."""
        for key, entry in reversed(self._entries.items()):
            if key.owner != owner or all(raster.content != name for raster in entry.ended.rasters):
                continue
            if entry.contents is not None:
                return entry.contents[name]
            try:
                return spool_file.read_content(self._path(key), name)
            except (OSError, SpoolFileError) as error:
                log.warning("job %s: a picture cannot be read back: %s", key.id, error)
        return None

    def lying(self, owner: str, name: str) -> tuple[Path, int] | None:
        """Return in which file a picture in an end of that owner lies, and from where on; None where it is on no disk."""
        for key, entry in reversed(self._entries.items()):
            if key.owner == owner and entry.on_disk and any(raster.content == name for raster in entry.ended.rasters):
                try:
                    return self._path(key), spool_file.place_of(self._path(key), name)[1]
                except (OSError, SpoolFileError) as error:
                    log.warning("job %s: its file cannot be looked at: %s", key.id, error)
        return None

    def drop(self, key: JobKey) -> None:
        """Forget an end; nothing happens when it is not here."""
        if self._remove(key):
            self._unlink(key)

    def _add(self, entry: _Entry) -> None:
        self._remove(entry.key)
        self._entries[entry.key] = entry
        self._bytes += entry.ended.size

    def _remove(self, key: JobKey) -> bool:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.ended.size
        return entry is not None

    def _prune(self) -> None:
        oldest = self._clock() - self._most_seconds
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            fits = self._bytes <= self._most_bytes and len(self._entries) <= self._most_ends
            if fits and entry.ended.ended >= oldest:
                return
            log.warning("job %s: its end was not taken in time, and is dropped to keep the spool small", key.id)
            self._remove(key)
            self._unlink(key)

    async def _save(self, entry: _Entry) -> OSError | None:
        try:
            await asyncio.to_thread(self._write, entry)
        except OSError as error:
            log.warning("job %s: its end stays in memory, since it cannot be written: %s", entry.key.id, error)
            entry.turned_away = True
            return error
        entry.on_disk, entry.turned_away = True, False
        if self._entries.get(entry.key) is not entry:
            # dropped while it was written
            self._unlink(entry.key)
        return None

    async def _save_others(self) -> None:
        """Write what the disk had no room for, now that it takes something again."""
        for entry in [entry for entry in self._entries.values() if entry.turned_away]:
            if await self._save(entry) is not None:
                return

    def _forget_old_contents(self) -> None:
        """Leave the newest contents in memory, and those that are nowhere else."""
        room = self._recent_bytes
        for entry in reversed(self._entries.values()):
            if entry.contents is not None:
                room -= entry.ended.size
                if room < 0 and entry.on_disk:
                    entry.contents = None

    def _write(self, entry: _Entry) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        spool_file.write(self._path(entry.key), entry.ended, entry.contents or {})

    def _read(self, path: Path) -> list[EndedJob]:
        try:
            ended = spool_file.read(path)
            if self._path(JobKey(ended.owner, ended.end.id)) != path:
                raise SpoolFileError("it has the name of another job")
        except (OSError, SpoolFileError) as error:
            log.warning("the result in %s is not used: %s", path, error)
            if isinstance(error, SpoolFileError):
                path.unlink(missing_ok=True)
            return []
        return [ended]

    def _unlink(self, key: JobKey) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            log.warning("job %s: its file stays: %s", key.id, error)

    def _path(self, key: JobKey) -> Path:
        # an installation's name is its own choice, and no file name
        owner = hashlib.sha256(key.owner.encode()).hexdigest()[:32]
        return self._folder / f"{owner}-{key.id}{spool_file.SUFFIX}"
