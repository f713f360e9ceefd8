"""The pixels that jobs are painted over: held while a job needs them, then kept for a while, so that they need not travel twice."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol import MAX_CONTENT_BYTES, Raster

from .failures import Refusal, attachments_full, content_size

KEPT_BYTES: Final = 256 * 1024 * 1024
"""Attachments that no job needs now. A canvas of 4096 x 4096 pixels with its mask is 80 MiB: the last few of them stay."""

HELD_BYTES: Final = 4 * MAX_CONTENT_BYTES
"""Attachments of all jobs that receive, wait or run: a few of the largest, or some hundred of the usual 4 MiB."""


class _Name(NamedTuple):
    """By owner, too: so that nobody can find out by a hash what somebody else is painting."""

    owner: str
    content: str


@dataclass
class _Held:
    size: int
    jobs: int
    data: bytes | None


class Attachments:
    """All attachments in memory, by owner and content hash."""

    def __init__(self, kept_bytes: int = KEPT_BYTES, held_bytes: int = HELD_BYTES) -> None:
        self._most_kept = kept_bytes
        self._most_held = held_bytes
        self._held: dict[_Name, _Held] = {}
        self._kept: OrderedDict[_Name, bytes] = OrderedDict()
        self._held_bytes = 0
        self._kept_bytes = 0

    def hold(self, owner: str, rasters: Iterable[Raster]) -> list[Raster]:
        """Reserve room for a job's attachments until `release`; return those that are not here.

        Raises Refusal, and holds nothing, when there is no room, or an attachment has another size than its raster says.
        """
        wanted = {_Name(owner, raster.content): raster for raster in rasters}
        fresh = 0
        for name, raster in wanted.items():
            known = self._size_of(name)
            if known is not None and known != raster.size:
                raise Refusal(content_size(raster.size, known))
            if name not in self._held:
                fresh += raster.size
        if self._held_bytes + fresh > self._most_held:
            raise Refusal(attachments_full(self._most_held))
        missing = []
        for name, raster in wanted.items():
            held = self._held.get(name)
            if held is None:
                held = self._held[name] = _Held(raster.size, 0, self._unkeep(name))
                self._held_bytes += raster.size
            held.jobs += 1
            if held.data is None:
                missing.append(raster)
        return missing

    def arrived(self, owner: str, name: str, data: bytes) -> None:
        """Take an attachment that has been asked for; one that no job needs any more is kept like any other."""
        key = _Name(owner, name)
        held = self._held.get(key)
        if held is not None:
            held.data = data
        else:
            self._keep(key, data)

    def of(self, owner: str, rasters: Iterable[Raster]) -> dict[str, bytes]:
        """Return a job's attachments by content hash, all of which have arrived."""
        contents = {}
        for raster in rasters:
            data = self._held[_Name(owner, raster.content)].data
            assert data is not None
            contents[raster.content] = data
        return contents

    def release(self, owner: str, rasters: Iterable[Raster]) -> None:
        """A job no longer needs its attachments. What has come is kept a while for the next one."""
        for key in {_Name(owner, raster.content) for raster in rasters}:
            held = self._held[key]
            held.jobs -= 1
            if held.jobs:
                continue
            del self._held[key]
            self._held_bytes -= held.size
            if held.data is not None:
                self._keep(key, held.data)

    def _size_of(self, name: _Name) -> int | None:
        if name in self._held:
            return self._held[name].size
        return len(self._kept[name]) if name in self._kept else None

    def _keep(self, name: _Name, data: bytes) -> None:
        self._unkeep(name)
        self._kept[name] = data
        self._kept_bytes += len(data)
        while self._kept_bytes > self._most_kept:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= len(oldest)

    def _unkeep(self, name: _Name) -> bytes | None:
        data = self._kept.pop(name, None)
        if data is not None:
            self._kept_bytes -= len(data)
        return data
