"""Attachments on their way: what this side has asked for, and what it has been asked for."""

from __future__ import annotations

import hashlib
import io
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .errors import ChunkError, ContentError
from .values import Raster
from .wire import Chunk, encode_chunk

Provider = Callable[[str], "bytes | None"]
"""Gives the bytes of an attachment by its content hash, or None when there is no such (or not for the other side)."""

MAX_FORGOTTEN: Final = 4096
"""Names of attachments that were given up, kept to tell their late chunks from foreign ones. Chunks are late by seconds;
in live painting, the busiest use, a few jobs a second are given up."""


class _Partial:
    """An attachment of which a part has arrived: counted and hashed as it comes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.received = 0
        self._hash = hashlib.sha256()
        self._buffer = io.BytesIO()

    def take(self, payload: memoryview) -> None:
        if self.received + len(payload) > self.size:
            raise ContentError("an attachment is longer than its raster says")
        self._hash.update(payload)
        self._buffer.write(payload)
        self.received += len(payload)

    def finish(self, name: str) -> bytes:
        if self._hash.hexdigest() != name:
            raise ContentError("an attachment's bytes do not have the hash that names it")
        return self._buffer.getvalue()


class Incoming:
    """What this side has asked for and not got in full."""

    def __init__(self) -> None:
        self._wanted: dict[str, _Partial] = {}
        self._forgotten: OrderedDict[str, None] = OrderedDict()

    def expect(self, rasters: Iterable[Raster]) -> list[str]:
        """Expect the contents of these; return the names of those that were not expected already."""
        fresh = []
        for raster in rasters:
            if raster.content not in self._wanted:
                self._wanted[raster.content] = _Partial(raster.size)
                fresh.append(raster.content)
        return fresh

    def forget(self, names: Iterable[str]) -> None:
        """No longer expect these; chunks of them that still come are dropped without a word."""
        for name in names:
            if self._wanted.pop(name, None) is not None:
                self._forgotten[name] = None
                self._forgotten.move_to_end(name)
        while len(self._forgotten) > MAX_FORGOTTEN:
            self._forgotten.popitem(last=False)

    def size_of(self, name: str) -> int:
        """Return how many bytes this is to have, 0 where it was given up and may still come.

        Raises ChunkError when it was never asked for.
        """
        partial = self._wanted.get(name)
        if partial is None and name not in self._forgotten:
            raise ChunkError("an attachment that was not asked for")
        return partial.size if partial is not None else 0

    def expects(self, name: str) -> bool:
        """Return whether this is still to come."""
        return name in self._wanted

    def settle(self, name: str) -> bool:
        """It has come in another way, whole; return whether it was expected still."""
        return self._wanted.pop(name, None) is not None

    def take(self, chunk: Chunk) -> bytes | None:
        """Take a chunk; return the attachment when it was the last one.

        Raises ChunkError when it was not asked for or is not the next one, ContentError when the whole is not what its
        name and size say.
        """
        partial = self._wanted.get(chunk.content)
        if partial is not None and chunk.offset == 0 and partial.received and chunk.content in self._forgotten:
            # given up, then asked for again while the first transfer was on its way: this is where the second begins
            partial = self._wanted[chunk.content] = _Partial(partial.size)
        if partial is None or chunk.offset != partial.received:
            if chunk.content in self._forgotten:
                return None
            raise ChunkError("a chunk that was not asked for, or not in its order")
        partial.take(chunk.payload)
        if partial.received < partial.size:
            return None
        # it stays among the forgotten: when the first of two transfers was enough, the second still comes
        del self._wanted[chunk.content]
        return partial.finish(chunk.content)


@dataclass(frozen=True)
class Absent:
    """An attachment whose turn to leave has come, and which is not here."""

    name: str


class Outgoing:
    """What the other side has asked for: one attachment after the other, and only the one whose turn it is in memory."""

    def __init__(self, provide: Provider) -> None:
        self._provide = provide
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._current: tuple[str, memoryview] | None = None
        self._offset = 0

    def __len__(self) -> int:
        """Number of attachments that have not left in full."""
        return len(self._waiting)

    def want(self, names: Iterable[str]) -> None:
        """Queue these; one that is leaving already begins anew."""
        for name in names:
            self._waiting[name] = None
            if self._current is not None and self._current[0] == name:
                self._offset = 0

    def withdraw(self, names: Iterable[str]) -> None:
        """Stop sending these."""
        for name in names:
            self._waiting.pop(name, None)
            if self._current is not None and self._current[0] == name:
                self._current = None

    def clear(self) -> None:
        """Stop sending everything."""
        self._waiting.clear()
        self._current = None

    def next_chunk(self, chunk_bytes: int) -> bytes | Absent | None:
        """Return the next frame, with at most so many bytes of payload; None when nothing waits."""
        if self._current is None:
            if not self._waiting:
                return None
            name = next(iter(self._waiting))
            data = self._provide(name)
            if not data:
                del self._waiting[name]
                return Absent(name)
            self._current, self._offset = (name, memoryview(data).cast("B")), 0
        name, view = self._current
        offset, end = self._offset, min(self._offset + chunk_bytes, len(view))
        if end == len(view):
            self.withdraw((name,))
        self._offset = end
        return encode_chunk(name, offset, view[offset:end])
