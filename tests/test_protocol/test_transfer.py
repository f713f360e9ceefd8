"""Attachments: bit-exact, in parts, with room for a message between any two; what was not asked for ends the connection."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    CHUNK_BYTES,
    MAX_NEED_CONTENTS,
    Cancel,
    ChunkError,
    Content,
    ContentError,
    Conversation,
    GetStatus,
    Hello,
    Limits,
    Need,
    Raster,
    Refused,
    Welcome,
    content_name,
    decode_chunk,
    encode_chunk,
    encode_message,
)
from protocol.transfer import MAX_FORGOTTEN, Incoming

JOB_ID = "00112233445566778899aabbccddeeff"


def raster_of(content, size=None):
    # packed, so that any number of bytes will do
    return Raster(content_name(content), size or len(content), 1, 1, "gray", encoding="zlib")


def named(*contents):
    return {content_name(content): content for content in contents}


def drain(talk):
    frames = []
    while (frame := talk.next_frame()) is not None:
        frames.append(frame)
    return frames


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=5, unique=True), st.integers(1, 100))
def test_attachments_arrive_to_the_bit(wire, contents, chunk_bytes):
    ends = wire(client_has=named(*contents), limits=Limits(chunk_bytes=chunk_bytes))
    ends.server.ask(raster_of(content) for content in contents)
    _, heard = ends.run()
    assert heard == [Content(content_name(content), content) for content in contents]


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=2, max_size=4, unique=True), st.data())
def test_messages_pass_between_chunks(wire, contents, data):
    ends = wire(client_has=named(*contents), limits=Limits(chunk_bytes=4))
    ends.server.ask(raster_of(content) for content in contents)
    ends.client.receive(ends.server.next_frame())
    heard, said = [], []
    while True:
        if data.draw(st.booleans()):
            ends.client.send(GetStatus())
            said.append(GetStatus())
            frame = ends.client.next_frame()
            assert isinstance(frame, str)
        elif (frame := ends.client.next_frame()) is None:
            break
        heard += ends.server.receive(frame)
    assert [item for item in heard if isinstance(item, Content)] == [
        Content(content_name(content), content) for content in contents
    ]
    assert [item for item in heard if not isinstance(item, Content)] == said


def test_a_cancel_leaves_before_the_next_chunk(wire):
    content = bytes(5 * CHUNK_BYTES)
    ends = wire(client_has=named(content))
    ends.server.ask([raster_of(content)])
    ends.client.receive(ends.server.next_frame())
    assert [len(ends.client.next_frame()) for _ in range(2)] == [52 + CHUNK_BYTES] * 2
    ends.client.withdraw([content_name(content)])
    ends.client.send(Cancel(JOB_ID))
    assert drain(ends.client) == [encode_message(Cancel(JOB_ID))]


def test_large_attachments_leave_in_chunks_of_the_announced_size(wire):
    content = bytes(range(256)) * 10_000
    ends = wire(client_has=named(content), limits=Limits(chunk_bytes=1_000_000))
    ends.server.ask([raster_of(content)])
    ends.client.receive(ends.server.next_frame())
    frames = drain(ends.client)
    assert [(decode_chunk(frame).offset, len(frame) - 52) for frame in frames] == [
        (0, 1_000_000),
        (1_000_000, 1_000_000),
        (2_000_000, 560_000),
    ]


@pytest.mark.parametrize("announced", [0, -5, 10 * CHUNK_BYTES])
def test_a_foolish_chunk_size_does_no_harm(wire, announced):
    content = bytes(10) if announced <= 0 else bytes(2 * CHUNK_BYTES)
    ends = wire(client_has=named(content), limits=Limits(chunk_bytes=announced))
    ends.server.ask([raster_of(content)])
    _, heard = ends.run()
    assert heard == [Content(content_name(content), content)]


def test_only_the_attachment_whose_turn_it_is_is_in_memory(wire):
    contents = named(b"one", b"two", b"three")
    given_out = []

    def provide(name):
        given_out.append(contents[name])
        return contents[name]

    server = Conversation("server", provide, Limits(chunk_bytes=2))
    server.receive(encode_message(Hello("a")))
    server.receive(encode_message(Need(tuple(contents))))
    assert given_out == []
    seen = []
    while server.next_frame() is not None:
        seen.append(list(given_out))
    assert seen == [[b"one"]] * 2 + [[b"one", b"two"]] * 2 + [[b"one", b"two", b"three"]] * 3


def test_what_is_on_its_way_is_not_asked_for_twice(wire):
    ends = wire(client_has=named(b"pixels"))
    ends.server.ask([raster_of(b"pixels"), raster_of(b"pixels")])
    ends.server.ask([raster_of(b"pixels")])
    assert drain(ends.server) == [encode_message(Need((content_name(b"pixels"),)))]


def test_many_contents_are_asked_for_in_several_messages(wire):
    contents = [index.to_bytes(4, "big") for index in range(MAX_NEED_CONTENTS * 2 + 1)]
    ends = wire(client_has=named(*contents))
    ends.server.ask(raster_of(content) for content in contents)
    needs = drain(ends.server)
    assert [len(json.loads(need)["contents"]) for need in needs] == [MAX_NEED_CONTENTS, MAX_NEED_CONTENTS, 1]
    for need in needs:
        ends.client.receive(need)
    _, heard = ends.run()
    assert [item.data for item in heard] == contents


def asking(content, size=None):
    """Return a server that has asked for an attachment."""
    talk = Conversation("server", {}.get)
    talk.receive(encode_message(Hello("a")))
    talk.ask([raster_of(content, size)])
    return talk


@pytest.mark.parametrize(
    ("chunks", "error"),
    [
        ([(0, b"pixelS")], ContentError),
        ([(0, b"pix"), (3, b"elS")], ContentError),
        ([(0, b"pixels!")], ContentError),
        ([(0, b"pix"), (3, b"els!")], ContentError),
        ([(1, b"ixels")], ChunkError),
        ([(0, b"pix"), (2, b"xels")], ChunkError),
        ([(0, b"pix"), (4, b"ls")], ChunkError),
        ([(0, b"pix"), (0, b"pix")], ChunkError),
        ([(0, b"pixels"), (0, b"pixels")], ChunkError),
        ([(2**64 - 1, b"p")], ChunkError),
    ],
    ids=str,
)
def test_wrong_chunks_end_the_connection(chunks, error):
    talk, name = asking(b"pixels"), content_name(b"pixels")
    *good, (offset, payload) = chunks
    for earlier in good:
        talk.receive(encode_chunk(name, *earlier))
    with pytest.raises(error):
        talk.receive(encode_chunk(name, offset, payload))
    assert json.loads(drain(talk)[-1])["failure"]["code"] == "bad_content"


def test_an_attachment_shorter_than_its_raster_says_never_arrives():
    talk = asking(b"pixels", size=7)
    assert talk.receive(encode_chunk(content_name(b"pixels"), 0, b"pixels")) == []


def test_what_nobody_asked_for_ends_the_connection():
    talk = asking(b"pixels")
    with pytest.raises(ChunkError, match="not asked for"):
        talk.receive(encode_chunk(content_name(b"others"), 0, b"others"))


def test_chunks_of_what_was_forgotten_are_dropped():
    talk, name = asking(b"pixels"), content_name(b"pixels")
    talk.receive(encode_chunk(name, 0, b"pix"))
    talk.forget([name])
    assert talk.receive(encode_chunk(name, 3, b"els")) == []
    talk.forget([name, "ff" * 32])
    with pytest.raises(ChunkError):
        talk.receive(encode_chunk("ff" * 32, 0, b"x"))


@given(st.binary(min_size=1, max_size=40), st.integers(1, 7), st.integers(0, 10), st.integers(0, 10), st.booleans())
def test_an_attachment_forgotten_and_asked_for_again_arrives_once(
    wire, content, chunk_bytes, before, between, withdrawn
):
    """Wherever the second Need meets the first transfer: the painter cancels, and submits the same picture anew."""
    ends = wire(client_has=named(content), limits=Limits(chunk_bytes=chunk_bytes))
    name = content_name(content)
    ends.server.ask([raster_of(content)])
    ends.client.receive(ends.server.next_frame())
    heard = []
    for _ in range(before):
        frame = ends.client.next_frame()
        heard += ends.server.receive(frame) if frame is not None else []
    on_their_way = [frame for _ in range(between) if (frame := ends.client.next_frame()) is not None]
    if withdrawn:
        ends.client.withdraw([name])
    whole_before = list(heard)
    if not whole_before:
        ends.server.forget([name])
    ends.server.ask([raster_of(content)])
    for frame in on_their_way if not whole_before else []:
        heard += ends.server.receive(frame)
    _, rest = ends.run()
    assert heard + rest == [*whole_before, Content(name, content)]


def test_a_second_transfer_may_be_cut_into_other_chunks():
    talk, name = asking(b"pixels"), content_name(b"pixels")
    talk.forget([name])
    talk.ask([raster_of(b"pixels")])
    chunks = [(0, b"pixe"), (0, b"pi"), (2, b"xel"), (5, b"s")]
    heard = [item for offset, payload in chunks for item in talk.receive(encode_chunk(name, offset, payload))]
    assert heard == [Content(name, b"pixels")]


def test_names_of_what_was_forgotten_are_themselves_forgotten_in_time():
    incoming = Incoming()
    rasters = [Raster(f"{index:064x}", 1, 1, 1, "gray") for index in range(MAX_FORGOTTEN + 1)]
    incoming.expect(rasters)
    incoming.forget(raster.content for raster in rasters)
    assert incoming.take(decode_chunk(encode_chunk(rasters[1].content, 0, b"x"))) is None
    with pytest.raises(ChunkError):
        incoming.take(decode_chunk(encode_chunk(rasters[0].content, 0, b"x")))


def test_a_need_for_what_is_not_there_is_refused_by_the_server_and_the_rest_arrives(wire):
    ends = wire(server_has=named(b"here"))
    ends.client.ask([raster_of(b"gone"), raster_of(b"here")])
    heard, _ = ends.run()
    refused, content = heard
    assert isinstance(refused, Refused)
    assert (refused.request, refused.id) == ("need", content_name(b"gone"))
    assert refused.failure.code == "unknown_content"
    assert content == Content(content_name(b"here"), b"here")


def test_what_was_refused_can_be_asked_for_again(wire):
    contents = {}
    ends = wire()
    ends.server = Conversation("server", contents.get)
    ends.server.receive(encode_message(Hello("a")))
    ends.client.ask([raster_of(b"pixels")])
    (refused,), _ = ends.run()
    assert isinstance(refused, Refused)
    contents |= named(b"pixels")
    ends.client.ask([raster_of(b"pixels")])
    heard, _ = ends.run()
    assert heard == [Content(content_name(b"pixels"), b"pixels")]


def test_a_client_without_the_content_says_nothing(wire):
    ends = wire()
    ends.server.ask([raster_of(b"gone")])
    assert ends.run() == ([], [])


def test_a_preview_may_have_the_content_of_an_attachment(wire, picture_of):
    content = b"same bytes"
    ends = wire(server_has=named(content), limits=Limits(chunk_bytes=4))
    ends.client.ask([raster_of(content)])
    ends.server.receive(ends.client.next_frame())
    heard = ends.client.receive(ends.server.next_frame())
    ends.server.send_preview(picture_of(content, JOB_ID, 1), content)
    later, _ = ends.run()
    assert [type(item).__name__ for item in heard + later] == ["PreviewPicture", "Content"]
    assert {item.data for item in later} == {content}


def test_the_same_need_again_starts_the_attachment_again():
    content = b"pixels"
    server = Conversation("server", named(content).get, Limits(chunk_bytes=4))
    server.receive(encode_message(Hello("a")))
    need = encode_message(Need((content_name(content),)))
    server.receive(need)
    first = decode_chunk(server.next_frame())
    server.receive(need)
    again = [decode_chunk(frame) for frame in drain(server)]
    assert [chunk.offset for chunk in (first, *again)] == [0, 0, 4]


def test_frames_without_a_greeting_stay_where_they_are(wire):
    ends = wire(greeted=False)
    ends.server.send(Welcome("a server"))
    assert drain(ends.client) == []
    assert len(drain(ends.server)) == 1
