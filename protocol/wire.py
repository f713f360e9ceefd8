"""Frames and what is in them: text frames are messages in JSON, binary frames are chunks of attachments.

A chunk is a header of 52 bytes, big-endian, and its payload::

    offset  bytes  what
    0       4      "SCMB"
    4       1      version of this header: 1
    5       1      kind: 0 part of an attachment, 1 a preview, whole in this one frame
    6       2      zero
    8       32     SHA-256 of the whole attachment
    40      4      zero
    44      8      offset of the payload in the attachment

The size of the whole is known from the raster that named it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import ChunkError, DecodeError, UnknownMessage
from .limits import CHUNK_BYTES, MAX_MESSAGE_BYTES
from .plain import from_plain, to_plain
from .vocabulary import EVENTS, REQUESTS, Message

CHUNK_HEADER: Final = struct.Struct(">4sBBH32sIQ")
CHUNK_MAGIC: Final = b"SCMB"
CHUNK_VERSION: Final = 1
KIND_PART: Final = 0
KIND_PREVIEW: Final = 1

MAX_FRAME_BYTES: Final = max(MAX_MESSAGE_BYTES, CHUNK_BYTES + CHUNK_HEADER.size)
"""The largest frame of either kind: what a websocket may be told to accept."""

_TYPE_NAMES: Final = {cls: name for table in (REQUESTS, EVENTS) for name, cls in table.items()}


@dataclass(frozen=True)
class Envelope:
    """A text frame that is a message of some type, its fields not looked at yet."""

    type: str
    fields: dict[str, Any]


@dataclass(frozen=True)
class Chunk:
    """A part of an attachment, or a whole preview."""

    content: str
    offset: int
    payload: memoryview
    preview: bool = False


def content_name(data: bytes | bytearray | memoryview) -> str:
    """Return the name of an attachment: its SHA-256, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def encode_message(message: Message) -> str:
    """Return the text frame of a message.

    Raises ValueError when it cannot travel: a number that is not finite, a string that is no Unicode text, or more than
    `MAX_MESSAGE_BYTES`. So the fault shows where it was made, not as a connection that the other side closes.
    """
    plain = {"type": _TYPE_NAMES[type(message)], **to_plain(message)}
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    size = len(text.encode("utf-8"))
    if size > MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {size} bytes, at most {MAX_MESSAGE_BYTES} are allowed")
    return text


def decode_message(text: str, known: Mapping[str, type]) -> Message:
    """Return the message in a text frame, of one of the `known` types (`REQUESTS` or `EVENTS`).

    Raises UnknownMessage for another type, DecodeError for anything else that is no message.
    """
    return read_envelope(open_envelope(text), known)


def open_envelope(text: str) -> Envelope:
    """Return type and fields of a text frame.

    Raises DecodeError when it is no JSON object with a type, is longer than `MAX_MESSAGE_BYTES` or names a field twice.
    """
    if len(text) > MAX_MESSAGE_BYTES:
        raise DecodeError(f"a message of {len(text)} characters, at most {MAX_MESSAGE_BYTES} are allowed")
    try:
        plain = json.loads(text, parse_int=_short_int, parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except RecursionError:
        raise DecodeError("nested too deeply") from None
    except ValueError as error:
        raise DecodeError(f"no JSON: {error}") from error
    if type(plain) is not dict:
        raise DecodeError("expected a JSON object")
    name = plain.pop("type", None)
    if type(name) is not str:
        raise DecodeError("expected a string", "$.type")
    return Envelope(name, plain)


def read_envelope(envelope: Envelope, known: Mapping[str, type]) -> Message:
    """Return the message of an opened text frame; raises as `decode_message`."""
    cls = known.get(envelope.type)
    if cls is None:
        raise UnknownMessage(envelope.type[:64])
    message: Message = from_plain(cls, envelope.fields)
    return message


_MAX_INT_CHARS: Final = 400
"""A larger integer is beyond every double, too. Reading one takes time that grows with the square of its length, which
Python itself bounds only since 3.10.7."""


def _short_int(digits: str) -> int:
    if len(digits) > _MAX_INT_CHARS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields


def encode_chunk(content: str, offset: int, payload: bytes | memoryview, preview: bool = False) -> bytes:
    """Return the binary frame of a chunk. Raises ValueError when the payload is empty or above `CHUNK_BYTES`."""
    if not 1 <= len(payload) <= CHUNK_BYTES:
        raise ValueError(f"a chunk carries 1 to {CHUNK_BYTES} bytes, got {len(payload)}")
    kind = KIND_PREVIEW if preview else KIND_PART
    header = CHUNK_HEADER.pack(CHUNK_MAGIC, CHUNK_VERSION, kind, 0, bytes.fromhex(content), 0, offset)
    return b"".join((header, payload))


def decode_chunk(frame: bytes | bytearray | memoryview) -> Chunk:
    """Return the chunk in a binary frame; its payload is a view on the frame, not a copy.

    Raises ChunkError when it is none.
    """
    view = memoryview(frame).cast("B").toreadonly()
    if len(view) <= CHUNK_HEADER.size:
        raise ChunkError(f"a binary frame of {len(view)} bytes is too short for a chunk")
    if len(view) > CHUNK_HEADER.size + CHUNK_BYTES:
        raise ChunkError(f"a chunk of {len(view)} bytes, at most {CHUNK_HEADER.size + CHUNK_BYTES} are allowed")
    magic, version, kind, zero, digest, more_zero, offset = CHUNK_HEADER.unpack_from(view)
    if magic != CHUNK_MAGIC or version != CHUNK_VERSION or zero or more_zero:
        raise ChunkError("a binary frame that is no chunk of this version")
    if kind not in (KIND_PART, KIND_PREVIEW):
        raise ChunkError(f"a chunk of unknown kind {kind}")
    return Chunk(digest.hex(), offset, view[CHUNK_HEADER.size :], kind == KIND_PREVIEW)
