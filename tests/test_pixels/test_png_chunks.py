from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.pixels import png_chunks
from backend.pixels.png_chunks import SIGNATURE, Chunk

END = Chunk(b"IEND", b"").encoded


def kept(*encoded: bytes) -> tuple[Chunk, ...]:
    return png_chunks.read_kept(io.BytesIO(SIGNATURE + b"".join(encoded)))


def test_chunks_worth_keeping_are_found_before_and_after_the_pixels():
    text, late = Chunk(b"tEXt", b"a\0b"), Chunk(b"iTXt", b"c\0\0\0\0\0d")
    pixels = Chunk(b"IDAT", bytes(1000)).encoded
    assert kept(text.encoded, Chunk(b"tRNS", b"x").encoded, pixels, pixels, late.encoded, END, text.encoded) == (
        text,
        late,
    )


def test_a_damaged_chunk_is_left_out():
    text = Chunk(b"tEXt", b"a\0b").encoded
    assert kept(text[:-1] + bytes([text[-1] ^ 1]), text, END) == (Chunk(b"tEXt", b"a\0b"),)


def test_metadata_is_bounded(monkeypatch):
    monkeypatch.setattr(png_chunks, "MAX_METADATA_BYTES", 10)
    small, large = Chunk(b"tEXt", b"12345"), Chunk(b"tEXt", b"1234567")
    assert kept(small.encoded, large.encoded, small.encoded, small.encoded, END) == (small, small)


def test_a_length_that_lies_reads_no_further_than_the_file():
    assert kept(struct.pack(">I4s", 0xFFFFFFFF, b"tEXt") + b"abc") == ()
    assert kept(struct.pack(">I4s", 1000, b"tEXt") + b"abc") == ()


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(content):
    assert all(chunk.name in png_chunks.KEPT for chunk in kept(content))


@given(st.lists(st.builds(Chunk, st.sampled_from(sorted(png_chunks.KEPT)), st.binary(max_size=30)), max_size=6))
def test_what_is_put_in_comes_out(chunks):
    empty = SIGNATURE + Chunk(b"IHDR", bytes(13)).encoded + END
    full = png_chunks.with_chunks(empty, frozenset(), chunks)
    assert png_chunks.read_kept(io.BytesIO(full)) == tuple(chunks)
    assert png_chunks.with_chunks(full, png_chunks.KEPT, ()) == empty


def test_a_text_is_utf_8_under_a_latin_name():
    (chunk,) = png_chunks.international_text({"prompt": "a red apple 日本\0"})
    assert chunk == Chunk(b"iTXt", b"prompt\0\0\0\0\0" + "a red apple 日本 ".encode())
    with pytest.raises(ValueError, match="cannot name"):
        png_chunks.international_text({"": "x"})
