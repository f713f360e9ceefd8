"""Pixels handed over by files, where both sides are on one machine: what is to be done on the disk, as values.

`Conversation` makes them, and does nothing of it: a shell calls `carry_out` in a thread aside, so that messages pass meanwhile,
and gives the outcome to `Conversation.carried_out`. Neither side opens a file that the other one could choose at will: the
client lays files into the server's own folder, under the hash that it was asked for, and the server names the client files of its own.
A file is looked at through its handle, and must be a plain one of this user's.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import mmap
import os
import queue
import secrets
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from .errors import ContentError

BLOCK_BYTES: Final = 1024 * 1024
"""Read before it is hashed: small enough that both go on at the same time, large enough that neither waits for Python."""

Room = Callable[[int], Any]
"""Makes memory for so many bytes, to be written through a `memoryview`."""

_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, eq=False)
class Lay:
    """Client: put an attachment into the server's folder, whole or not at all."""

    folder: str
    content: str
    data: bytes

    def carry_out(self) -> bool:
        """Return whether it lies there now."""
        path = Path(self.folder, self.content)
        part = path.with_name(f".{self.content}.{secrets.token_hex(8)}")
        try:
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, 0o600), "wb", buffering=0) as file:
                view = memoryview(self.data).cast("B")
                while view:
                    view = view[file.write(view) :]
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            return False
        return True


@dataclass(frozen=True, eq=False)
class Take:
    """Server: read an attachment that a client has laid, and remove the file. With a `size` of 0 it is only removed."""

    folder: str
    content: str
    size: int

    def carry_out(self) -> bytes | ContentError | None:
        """Return its bytes, None where it is not there, or what is wrong with it."""
        path = Path(self.folder, self.content)
        try:
            return self._read(path) if self.size else None
        except (OSError, MemoryError):
            return None
        finally:
            with contextlib.suppress(OSError):
                path.unlink()

    def _read(self, path: Path) -> bytes | ContentError | None:
        with open(_opened(path), "rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            if not _is_plain_and_ours(found):
                return None
            if found.st_size != self.size:
                return ContentError("an attachment's file has not the size that its raster says")
            data = _memory(self.size)
            if _fill(data, file) != self.content:
                return ContentError("an attachment's file does not have the hash that names it")
            # nobody else has this memory, so nobody can change it: it is as good as bytes, without a copy
            return cast("bytes", data.toreadonly())


@dataclass(frozen=True, eq=False)
class Fetch:
    """Client: read an attachment from inside a file of the server's, and leave the file alone."""

    path: str
    content: str
    offset: int
    size: int

    def carry_out(self, room: Room = bytearray) -> Any:  # noqa: ANN401 - what `room` makes, or None
        """Return memory that `room` has made, with its bytes; None where they are not to be read there or have another hash."""
        try:
            with open(_opened(Path(self.path)), "rb", buffering=0) as file:
                found = os.fstat(file.fileno())
                if not _is_plain_and_ours(found) or found.st_size < self.offset + self.size:
                    return None
                file.seek(self.offset)
                data = room(self.size)
                return data if _fill(memoryview(data).cast("B"), file) == self.content else None
        except (OSError, MemoryError):
            return None


Errand = Lay | Take | Fetch
"""Something to be done on the disk for a conversation."""


def _opened(path: Path) -> int:
    # a pipe in its place must not make anybody wait
    return os.open(path, os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0))


def _memory(size: int) -> memoryview:
    """Return memory for so many bytes. Where the system can, all pages of it come at once, in half the time of one by one."""
    if hasattr(mmap, "MAP_POPULATE"):
        return memoryview(mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE))
    return memoryview(bytearray(size))


def _fill(memory: memoryview, file: io.FileIO) -> str:
    """Fill all of the memory from a file; return the name of what is in it then. Raises OSError where the file ends before.

    Another thread hashes what is there already while more is read: the one takes about as long as the other.
    """
    read: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
    found = hashlib.sha256()

    def hash_along() -> None:
        while (block := read.get()) is not None:
            found.update(block)

    thread = threading.Thread(target=hash_along, name="hash pixels")
    thread.start()
    at = 0
    try:
        while at < len(memory) and (got := file.readinto(memory[at : at + BLOCK_BYTES])):
            read.put(memory[at : at + got])
            at += got
    finally:
        read.put(None)
        thread.join()
    if at < len(memory):
        raise OSError("the file ends too soon")
    return found.hexdigest()


def _is_plain_and_ours(found: os.stat_result) -> bool:
    ours = sys.platform == "win32" or found.st_uid == os.geteuid()
    return stat.S_ISREG(found.st_mode) and ours
