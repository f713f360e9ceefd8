"""One finished job in one file.

::

    8 bytes   "SCMBEND1"
    4 bytes   length of the header, big-endian
    32 bytes  its SHA-256
    header    JSON: owner, job (digest), ended (seconds since 1970), end (the message, as it travels)
    contents  of the pictures, one after the other, each hash once

A file is written under another name and renamed when it is whole. It is not synced to the disk: a process that is killed loses
nothing that way, and after a power cut the hashes tell what is broken, while the painter's side submits the job again.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from protocol import (
    EVENTS,
    MAX_MESSAGE_BYTES,
    Cancelled,
    Done,
    End,
    Failed,
    JobState,
    ProtocolError,
    Raster,
    content_name,
    decode_message,
    encode_message,
)

MAGIC: Final = b"SCMBEND1"
PREFIX: Final = struct.Struct(">8sI32s")
MAX_HEADER_BYTES: Final = 2 * MAX_MESSAGE_BYTES + 4096
"""The end as a string in JSON, where quotes take two bytes, and the few fields beside it."""
SUFFIX: Final = ".end"
PART_SUFFIX: Final = ".part"


class SpoolFileError(Exception):
    """A file that is no whole, unbroken end of a job."""


@dataclass(frozen=True)
class EndedJob:
    """How a job of an owner ended. `digest` tells it from another job of the same id; `ended` is seconds since 1970."""

    owner: str
    digest: str
    ended: float
    end: End

    @property
    def state(self) -> JobState:
        """How it ended, as who asks for it is told."""
        return "cancelled" if isinstance(self.end, Cancelled) else "failed" if isinstance(self.end, Failed) else "done"

    @property
    def summary(self) -> str:
        """How it ended, in words for the log: no prompt is in it."""
        if isinstance(self.end, Failed):
            return f"failed, {self.end.failure.code}"
        if isinstance(self.end, Cancelled):
            return "cancelled"
        return f"{len(self.end.pictures)} pictures in {self.end.seconds:.1f} s"

    @property
    def rasters(self) -> tuple[Raster, ...]:
        """The pictures' rasters, their layers' too, each content once, in the order in which they lie in the file."""
        pictures = self.end.pictures if isinstance(self.end, Done) else ()
        rasters = (raster for picture in pictures for raster in picture.rasters)
        return tuple({raster.content: raster for raster in rasters}.values())

    @property
    def size(self) -> int:
        """Bytes of the contents."""
        return sum(raster.size for raster in self.rasters)


def write(path: Path, ended: EndedJob, contents: Mapping[str, bytes]) -> None:
    """Write a job's end. Raises OSError; then nothing is left behind."""
    fields = {
        "owner": ended.owner,
        "job": ended.digest,
        "ended": ended.ended,
        "end": encode_message(ended.end),
    }
    header = json.dumps(fields).encode("ascii")
    part = path.with_suffix(PART_SUFFIX)
    try:
        with open(part, "wb", opener=_private) as file:
            file.write(PREFIX.pack(MAGIC, len(header), hashlib.sha256(header).digest()) + header)
            for raster in ended.rasters:
                file.write(contents[raster.content])
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read(path: Path) -> EndedJob:
    """Return what a file says of its job. Raises SpoolFileError, or OSError when it cannot be read."""
    with path.open("rb") as file:
        ended, start = _read_header(file)
        length = os.fstat(file.fileno()).st_size
    if length != start + ended.size:
        raise SpoolFileError(f"{length} bytes, not {start + ended.size}")
    return ended


def read_content(path: Path, name: str) -> bytes:
    """Return one of the contents. Raises SpoolFileError when it is not what its name says, OSError when it cannot be read."""
    raster, offset = place_of(path, name)
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(raster.size)
    if content_name(data) != name:
        raise SpoolFileError("the pixels are not what was written")
    return data


def place_of(path: Path, name: str) -> tuple[Raster, int]:
    """Return one of the contents' raster, and where it begins. Raises as `read_content`; the content is not looked at."""
    with path.open("rb") as file:
        ended, offset = _read_header(file)
    for raster in ended.rasters:
        if raster.content == name:
            return raster, offset
        offset += raster.size
    raise SpoolFileError("there is no such content in it")


def _read_header(file: BinaryIO) -> tuple[EndedJob, int]:
    """Return the job and where the contents begin."""
    prefix = file.read(PREFIX.size)
    if len(prefix) < PREFIX.size or not prefix.startswith(MAGIC):
        raise SpoolFileError("it is no end of a job")
    _, length, expected = PREFIX.unpack(prefix)
    header = file.read(min(length, MAX_HEADER_BYTES))
    if length > MAX_HEADER_BYTES or hashlib.sha256(header).digest() != expected:
        raise SpoolFileError("its header is not what was written")
    try:
        fields = json.loads(header)
        end = decode_message(fields["end"], EVENTS)
        ended = EndedJob(str(fields["owner"]), str(fields["job"]), float(fields["ended"]), end)  # type: ignore[arg-type]
    except (ValueError, KeyError, TypeError, RecursionError, ProtocolError) as error:
        raise SpoolFileError(f"its header is broken: {error}") from error
    if not isinstance(ended.end, (Done, Failed, Cancelled)):
        raise SpoolFileError("it holds another message")
    return ended, PREFIX.size + length


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
