from __future__ import annotations

import contextlib
import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.executors import frames
from backend.executors.frames import Frame, FrameError, read_frame, write_frame

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
any_frame = st.builds(
    Frame,
    st.dictionaries(texts, values, max_size=4),
    st.lists(st.binary(max_size=200), max_size=4).map(tuple),
)


def written(frame: Frame) -> bytes:
    stream = io.BytesIO()
    write_frame(stream, frame)
    return stream.getvalue()


@given(st.lists(any_frame, max_size=4))
def test_what_is_written_is_read(several):
    stream = io.BytesIO(b"".join(map(written, several)))
    assert [read_frame(stream) for _ in several] == several
    assert read_frame(stream) is None


def test_layout_is_the_documented_one():
    frame = Frame({"type": "cancel"}, (b"", b"pixels"))
    head = b"SCF1" + struct.pack(">II", 17, 2) + struct.pack(">QQ", 0, 6)
    assert written(frame) == head + b'{"type":"cancel"}' + b"pixels"


@given(any_frame)
def test_cut_at_every_byte_is_an_error_that_says_so(frame):
    data = written(frame)
    for length in range(1, len(data)):
        with pytest.raises(FrameError) as caught:
            read_frame(io.BytesIO(data[:length]))
        assert caught.value.cut


@given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda rest: b"SCF1" + rest))
def test_any_bytes_are_a_frame_or_the_documented_error(data):
    stream = io.BytesIO(data)
    try:
        while read_frame(stream) is not None:
            pass
    except FrameError:
        pass
    else:
        assert stream.tell() == len(data)


@given(any_frame, st.data())
def test_one_wrong_byte_never_escapes_the_documented_error(frame, data):
    whole = bytearray(written(frame))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(FrameError):
        read_frame(io.BytesIO(bytes(whole)))


def head(header_length: int, lengths: list[int], count: int | None = None) -> bytes:
    count = len(lengths) if count is None else count
    return b"SCF1" + struct.pack(">II", header_length, count) + struct.pack(f">{len(lengths)}Q", *lengths)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK",
        b"\x00",
        head(frames.MAX_HEADER_BYTES + 1, []),
        head(2, [], frames.MAX_ATTACHMENTS + 1),
        head(2, [frames.MAX_ATTACHMENT_BYTES + 1]) + b"{}",
        head(2, [frames.MAX_ATTACHMENT_BYTES] * 5) + b"{}",
        head(2, [2**64 - 1]) + b"{}",
        head(2, []) + b"[]",
        head(4, []) + b"null",
        head(2, []) + b"{{",
        head(2, []) + b"\xff\xfe",
        head(0, []),
        head(100_000, []) + b"[" * 100_000,
    ],
)
def test_malformed_frames_are_refused_at_once(data):
    stream = io.BytesIO(data)
    with pytest.raises(FrameError) as caught:
        read_frame(stream)
    assert not caught.value.cut


class Unallocated(bytes):
    """Says that it is very long, and is not."""

    def __len__(self):
        return frames.MAX_ATTACHMENT_BYTES


@pytest.mark.parametrize(
    "frame",
    [
        Frame({"long": "x" * frames.MAX_HEADER_BYTES}),
        Frame({}, (b"",) * (frames.MAX_ATTACHMENTS + 1)),
        Frame({}, (Unallocated(),) * 5),
        Frame({"x": float("nan")}),
        Frame({"x": "\ud800"}),
    ],
    ids=["header", "count", "sum", "nan", "surrogate"],
)
def test_nothing_is_written_of_a_frame_beyond_its_bounds(frame):
    stream = io.BytesIO()
    with pytest.raises(FrameError):
        write_frame(stream, frame)
    assert stream.getvalue() == b""


def test_header_may_be_as_long_as_the_bound():
    empty = len(json.dumps({"x": ""}, separators=(",", ":")))
    frame = Frame({"x": "y" * (frames.MAX_HEADER_BYTES - empty)})
    assert read_frame(io.BytesIO(written(frame))) == frame
