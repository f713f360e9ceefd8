"""Frames, as text and bytes: what is none is refused with a documented error, never anything else."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    CHUNK_BYTES,
    EVENTS,
    MAX_FRAME_BYTES,
    MAX_INTEGER,
    MAX_MESSAGE_BYTES,
    REQUESTS,
    Cancel,
    Chunk,
    ChunkError,
    DecodeError,
    Failure,
    GetStatus,
    Goodbye,
    Hello,
    Progress,
    ProtocolError,
    Refused,
    Submit,
    UnknownMessage,
    content_name,
    decode_chunk,
    decode_message,
    encode_chunk,
    encode_message,
)

JOB_ID = "00112233445566778899aabbccddeeff"
NAME = "aa" * 32

all_requests = st.one_of(*(st.from_type(cls) for cls in REQUESTS.values()))
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def test_a_message_as_bytes():
    assert encode_message(Cancel(JOB_ID)) == '{"type":"cancel","id":"00112233445566778899aabbccddeeff"}'
    assert encode_message(GetStatus()) == '{"type":"get_status"}'
    assert encode_message(Hello("ü", "Krita")) == (
        '{"type":"hello","installation":"ü","client":"Krita","version":{"major":1,"minor":4}}'
    )


@given(st.text())
def test_any_text_is_a_message_or_a_documented_error(text):
    for known in (REQUESTS, EVENTS):
        with pytest.raises(DecodeError):
            decode_message(text, known)


@given(st.sampled_from(sorted({*REQUESTS, *EVENTS})), st.dictionaries(st.text(), json_like, max_size=4), json_like)
def test_any_json_is_a_message_or_a_documented_error(name, fields, job):
    for body in (fields, {"job": job, "id": job, "ids": job, "contents": job, "failure": job, "image": job} | fields):
        for known in (REQUESTS, EVENTS):
            try:
                message = decode_message(json.dumps(body | {"type": name}), known)
            except DecodeError:
                continue
            assert type(message) is known[name]


@given(all_requests)
def test_a_message_cut_off_anywhere_is_refused(message):
    text = encode_message(message)
    for end in range(len(text)):
        with pytest.raises(DecodeError):
            decode_message(text[:end], REQUESTS)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        ("", "no JSON"),
        ("\ufeff{}", "no JSON"),
        ("null", "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ("{}", "expected a string at $.type"),
        ('{"type":1}', "expected a string at $.type"),
        ('{"type":null}', "expected a string at $.type"),
        ('{"type":"paint"}', "unknown message type 'paint' at $.type"),
        ('{"type":"cancel"}', "missing field 'id' at $"),
        ('{"type":"cancel","id":1}', "expected str, got int at $.id"),
        ('{"type":"cancel","id":"../x"}', "32 lower-case hexadecimal digits at $"),
        ('{"type":"cancel","type":"cancel"}', "a field is named twice"),
        ('{"type":"get_status","x":{"a":1,"a":1}}', "a field is named twice"),
        ('{"type":"shutdown","force":1}', "expected bool, got int at $.force"),
        ('{"type":"shutdown","force":NaN}', "NaN is no number of JSON"),
        ('{"type":"get_status","x":Infinity}', "Infinity is no number of JSON"),
        ('{"type":"get_status","x":-Infinity}', "-Infinity is no number of JSON"),
        ('{"type":"get_status"} ,', "no JSON"),
        ('{"type":"get_status","x":' + "9" * 5000 + "}", "an integer of 5000 digits"),
        ('{"type":"get_status","x":' + "[" * 100_000 + "}", "nested too deeply"),
        ('{"type":"get_status","x":' + '{"x":' * 100_000 + "}", "nested too deeply"),
        ('{"type":"get_status"}' + " " * MAX_MESSAGE_BYTES, f"at most {MAX_MESSAGE_BYTES} are allowed"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_no_message_is_refused(frame, says):
    with pytest.raises(DecodeError) as caught:
        decode_message(frame, REQUESTS)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("job", "says"),
    [
        ({"style": {"steps": "20"}}, "expected int, got str at $.job.style.steps"),
        ({"style": {"steps": True}}, "expected int, got bool at $.job.style.steps"),
        ({"style": {"steps": 0}}, "steps must lie between 1 and 1000, got 0 at $.job.style"),
        ({"seed": 10**300}, f"an integer beyond {MAX_INTEGER} at $.job.seed"),
        ({"seed": -1}, "seed must lie between 0 and"),
        ({"strength": 1e999}, "a number beyond the range of a double at $.job.strength"),
        ({"extent": {"width": 0, "height": 1}}, "at $.job.extent"),
        ({"depth": "f32"}, "expected one of 'u8', 'u16', got 'f32' at $.job.depth"),
        ({"image": {"content": NAME}}, "missing field 'size' at $.job.image"),
        ({"prompt": "a\ud800"}, "half a surrogate pair, which no UTF-8 can carry at $.job.prompt"),
        ({"prompt": "a\x00b"}, "the prompt contains a null character at $.job"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_job_is_named_with_its_path(job, says):
    whole = {"type": "submit", "job": {"id": JOB_ID, "extent": {"width": 8, "height": 8}} | job}
    text = json.dumps(whole).replace("Infinity", "1e999")
    with pytest.raises(DecodeError) as caught:
        decode_message(text, REQUESTS)
    assert says in str(caught.value)


def test_a_whole_number_is_good_enough_for_a_strength():
    text = '{"type":"submit","job":{"id":"' + JOB_ID + '","extent":{"width":8,"height":8},"strength":1}}'
    assert isinstance(decode_message(text, REQUESTS), Submit)


def test_an_unknown_message_is_told_by_its_name():
    with pytest.raises(UnknownMessage) as caught:
        decode_message('{"type":"paint_faster"}', REQUESTS)
    assert caught.value.name == "paint_faster"


@pytest.mark.parametrize(
    "message",
    [
        Progress(JOB_ID, float("nan"), "painting"),
        Progress(JOB_ID, float("inf"), "painting"),
        Progress(JOB_ID, 0.5, "painting", seconds_left=float("-inf")),
        Hello("half a pair \ud83d"),
        Refused("submit", Failure("busy", "x", "y"), id="\udcff"),
        Refused("x" * MAX_MESSAGE_BYTES, Failure("busy", "x", "y")),
        Refused("é" * (MAX_MESSAGE_BYTES // 2), Failure("busy", "x", "y")),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_cannot_travel_is_refused_where_it_is_made(message):
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are Python's own
        encode_message(message)


def test_only_messages_are_encoded():
    with pytest.raises(KeyError):
        encode_message(Failure("busy", "x", "y"))
    with pytest.raises(TypeError):
        encode_message(Goodbye(b"bytes"))


def test_a_chunk_as_bytes():
    frame = encode_chunk(NAME, 0x0102030405, b"pixels")
    assert frame == (
        b"SCMB"
        + b"\x01"
        + b"\x00"
        + b"\x00\x00"
        + b"\xaa" * 32
        + b"\x00" * 4
        + b"\0\0\0\x01\x02\x03\x04\x05"
        + b"pixels"
    )
    assert len(frame) == 52 + 6
    assert encode_chunk(NAME, 0, b"x", preview=True)[:8] == b"SCMB\x01\x01\x00\x00"


@given(
    st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=200), st.booleans()
)
def test_a_chunk_arrives_as_it_was_sent(digest, offset, payload, preview):
    chunk = decode_chunk(encode_chunk(digest.hex(), offset, payload, preview))
    assert chunk == Chunk(digest.hex(), offset, memoryview(payload), preview)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_chunk_or_a_documented_error(frame):
    with pytest.raises(ChunkError):
        decode_chunk(frame)


@given(st.binary(min_size=50, max_size=80), st.integers(1, 2), st.integers(0, 2), st.integers(0, 1))
def test_bytes_that_look_like_a_chunk_are_one_or_a_documented_error(rest, version, kind, zero):
    frame = b"SCMB" + bytes([version, kind, zero, 0]) + rest
    try:
        chunk = decode_chunk(frame)
    except ChunkError:
        return
    assert (version, kind < 2, zero) == (1, True, 0)
    assert frame[40:44] == b"\0\0\0\0"
    assert encode_chunk(chunk.content, chunk.offset, chunk.payload, chunk.preview) == frame


def test_a_chunk_cut_off_in_its_header_is_refused():
    frame = encode_chunk(NAME, 0, b"x")
    for end in range(len(frame)):
        with pytest.raises(ChunkError):
            decode_chunk(frame[:end])
    assert decode_chunk(frame).payload == b"x"


@pytest.mark.parametrize("at", [*range(6), 6, 7, 40, 41, 42, 43])
def test_every_fixed_byte_of_the_header_counts(at):
    frame = bytearray(encode_chunk(NAME, 0, b"payload"))
    frame[at] ^= 0x80
    with pytest.raises(ChunkError):
        decode_chunk(frame)


def test_a_chunk_has_its_size():
    assert len(encode_chunk(NAME, 0, bytes(CHUNK_BYTES))) <= MAX_FRAME_BYTES
    for payload in (b"", bytes(CHUNK_BYTES + 1)):
        with pytest.raises(ValueError, match="a chunk carries 1 to"):
            encode_chunk(NAME, 0, payload)
    with pytest.raises(ChunkError, match="at most"):
        decode_chunk(encode_chunk(NAME, 0, bytes(CHUNK_BYTES)) + b"\0")


def test_the_payload_is_not_copied_and_cannot_be_written():
    frame = bytearray(encode_chunk(NAME, 0, b"payload"))
    payload = decode_chunk(frame).payload
    assert payload.readonly
    frame[-1:] = b"!"
    assert bytes(payload) == b"payloa!"


def test_a_content_is_named_by_its_sha_256():
    # the one-block example of FIPS 180-2
    assert content_name(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert content_name(memoryview(b"abc")) == content_name(bytearray(b"abc")) == hashlib.sha256(b"abc").hexdigest()


def test_every_refusal_is_one_tree():
    assert issubclass(DecodeError, ProtocolError)
    assert issubclass(ChunkError, ProtocolError)
    assert not issubclass(ProtocolError, ValueError)
