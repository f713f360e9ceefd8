"""The frames between server and worker: one JSON object and the bytes that go with it.

::

    4 bytes       b"SCF1"
    4 bytes       length of the header, unsigned, big-endian like all numbers here
    4 bytes       number of attachments
    8 bytes each  their lengths
    header        a JSON object in UTF-8
    attachments   their bytes, one after the other

Both ends are the same program on the same machine; what is checked here keeps a damaged stream from being taken for
something else, and from making the reader allocate without bound.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from protocol.limits import MAX_CONTENT_BYTES, MIB

MAGIC: Final = b"SCF1"
"""Anything else means that the reader is no longer where a frame begins, or that something printed into the pipe."""

MAX_HEADER_BYTES: Final = 4 * MIB
"""The header. A plan with two prompts of the longest kind is below 256 KiB; this leaves room for what plans will hold."""

MAX_ATTACHMENTS: Final = 256
"""Attachments of one frame. A plan has an image, a mask, and in time a mask for each region: some dozens."""

MAX_ATTACHMENT_BYTES: Final = MAX_CONTENT_BYTES
"""One attachment: what the contract lets a painter send."""

MAX_FRAME_BYTES: Final = 4 * MAX_CONTENT_BYTES
"""All attachments of one frame: an image of the largest kind, its mask, and as much again."""

_PREFIX = struct.Struct(">4sII")


class FrameError(Exception):
    """A frame that breaks the layout or a bound, or that is cut off.

    `cut` says that the stream ended inside the frame, as it does when the writer dies; otherwise its bytes are wrong.
    """

    def __init__(self, problem: str, *, cut: bool = False) -> None:
        super().__init__(problem)
        self.cut = cut


@dataclass(frozen=True)
class Frame:
    """A JSON object, and its attachments in the order in which it speaks of them."""

    header: dict[str, Any]
    attachments: tuple[bytes, ...] = ()


def encode_head(frame: Frame) -> bytes:
    """Return everything of a frame that comes before its attachments.

    Raises FrameError when it breaks a bound or holds what JSON cannot say (NaN, infinity, half a surrogate pair).
    """
    lengths = [len(attachment) for attachment in frame.attachments]
    try:
        header = json.dumps(frame.header, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise FrameError(f"the header cannot be written as JSON: {error}") from error
    _check_header(len(header))
    _check_count(len(lengths))
    _check_lengths(lengths)
    return b"".join(
        (_PREFIX.pack(MAGIC, len(header), len(lengths)), struct.pack(f">{len(lengths)}Q", *lengths), header)
    )


def write_frame(stream: IO[bytes], frame: Frame) -> None:
    """Write one frame and flush. Raises FrameError before the first byte is written, OSError when nobody reads.

    The stream is buffered and blocking: its `write` takes all it is given.
    """
    head = encode_head(frame)
    stream.write(head)
    for attachment in frame.attachments:
        stream.write(attachment)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Read one frame; None at the stream's end. Raises FrameError when it is cut off or malformed.

    The stream is buffered and blocking: its `read` gives less than asked for only at its end. Attachments are read
    straight into the bytes that are returned, without a copy.
    """
    prefix = stream.read(_PREFIX.size)
    if not prefix:
        return None
    if not MAGIC.startswith(prefix[: len(MAGIC)]):
        raise FrameError(f"a frame begins with {MAGIC!r}, not with {prefix[: len(MAGIC)]!r}")
    if len(prefix) < _PREFIX.size:
        raise _cut()
    _, header_length, count = _PREFIX.unpack(prefix)
    _check_header(header_length)
    _check_count(count)
    lengths = struct.unpack(f">{count}Q", _exactly(stream, 8 * count))
    _check_lengths(lengths)
    header = _parse(_exactly(stream, header_length))
    return Frame(header, tuple(_exactly(stream, length) for length in lengths))


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise _cut()
    return data


def _cut() -> FrameError:
    return FrameError("the stream ended in the middle of a frame", cut=True)


def _parse(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError(f"the header is no JSON: {error}") from error
    if type(header) is not dict:
        raise FrameError("the header is no JSON object")
    return header


def _check_header(length: int) -> None:
    if length > MAX_HEADER_BYTES:
        raise FrameError(f"a header of {length} bytes is longer than {MAX_HEADER_BYTES}")


def _check_count(count: int) -> None:
    if count > MAX_ATTACHMENTS:
        raise FrameError(f"{count} attachments are more than {MAX_ATTACHMENTS}")


def _check_lengths(lengths: Sequence[int]) -> None:
    longest = max(lengths, default=0)
    if longest > MAX_ATTACHMENT_BYTES:
        raise FrameError(f"an attachment of {longest} bytes is longer than {MAX_ATTACHMENT_BYTES}")
    if sum(lengths) > MAX_FRAME_BYTES:
        raise FrameError(f"attachments of {sum(lengths)} bytes are more than {MAX_FRAME_BYTES}")
