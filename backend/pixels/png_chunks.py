"""What a PNG carries beside its pixels, taken over byte for byte.

libvips writes text of any language into a chunk that is Latin-1 by definition, adds EXIF where there was none, and knows
nothing of gamma and the newer colour chunks. So these are copied from file to file here (PNG specification, third
edition, chapters 5 and 11).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"

KEPT: Final = frozenset(
    {b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
)
"""Chunks that stay true when pixels change and depth or colour type do not. The ICC profile goes through libvips."""

TEXTS: Final = frozenset({b"tEXt", b"zTXt", b"iTXt"})
"""Those of them that are words."""

MAX_METADATA_BYTES: Final = 32 * 1024 * 1024
"""Metadata of one file. XMP with a long history is a few MiB; beyond this it is left out, so that no file fills memory."""

MAX_KEYWORD: Final = 79
"""Characters of a text's name, as the format allows."""


class Chunk(NamedTuple):
    """One chunk: its four-letter name and its data."""

    name: bytes
    data: bytes

    @property
    def is_xmp(self) -> bool:
        """Whether this is the XMP packet, which libvips carries to every format."""
        return self.name == b"iTXt" and self.data.startswith(b"XML:com.adobe.xmp\0")

    @property
    def encoded(self) -> bytes:
        """The bytes of the file."""
        body = self.name + self.data
        return struct.pack(">I", len(self.data)) + body + struct.pack(">I", zlib.crc32(body))


def read_kept(file: BinaryIO) -> tuple[Chunk, ...]:
    """Return the chunks of a PNG file that are worth keeping. Damaged ones are left out, and so is all beyond a bound."""
    kept: list[Chunk] = []
    room = MAX_METADATA_BYTES
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"IEND":
            break
        if name not in KEPT or length > room:
            file.seek(length + 4, 1)
            continue
        data, checksum = file.read(length), file.read(4)
        if checksum == struct.pack(">I", zlib.crc32(name + data)):
            kept.append(Chunk(name, data))
            room -= length
    return tuple(kept)


def international_text(text: Mapping[str, str]) -> tuple[Chunk, ...]:
    """Return texts as iTXt chunks, which hold every language. Raises ValueError for a name the format does not allow."""
    chunks = []
    for keyword, value in text.items():
        name = keyword.encode("latin-1", "replace")
        if not 1 <= len(name) <= MAX_KEYWORD or not keyword.isprintable() or keyword != keyword.strip():
            raise ValueError(
                f"{keyword!r} cannot name a text in a PNG: 1 to {MAX_KEYWORD} printable characters are needed"
            )
        chunks.append(Chunk(b"iTXt", name + b"\0\0\0\0\0" + value.replace("\0", " ").encode("utf-8", "replace")))
    return tuple(chunks)


def with_chunks(png: bytes, drop: frozenset[bytes], add: Iterable[Chunk]) -> bytes:
    """Return a well-formed PNG without the chunks named in `drop` and with those of `add` before its pixels."""
    pieces = [SIGNATURE]
    for chunk in _chunks(png):
        if chunk.name not in drop:
            pieces.append(chunk.encoded)
        if chunk.name == b"IHDR":
            pieces.extend(added.encoded for added in add)
    return b"".join(pieces)


def _chunks(png: bytes) -> Iterator[Chunk]:
    at = len(SIGNATURE)
    while at < len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        yield Chunk(name, png[at + 8 : at + 8 + length])
        at += length + 12
