"""Clients that break the contract: refused by name, or sent away with a word; never more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from backend.pixels.raw import unpack
from protocol import (
    CHUNK_BYTES,
    MAX_FRAME_BYTES,
    Accepted,
    ContentError,
    Failed,
    GetStatus,
    Goodbye,
    Need,
    Raster,
    Refused,
    Status,
    Submit,
    Welcome,
    content_name,
    encode_chunk,
    encode_message,
)


async def sent_away(peer, frame) -> Goodbye:
    """Send a frame; return the goodbye, after which nothing comes."""
    await peer.socket.send(frame)
    goodbye = await peer.wait_for(Goodbye)
    with pytest.raises(ConnectionClosed):
        await peer.socket.recv()
    return goodbye


async def still_serves(meet) -> None:
    other = await meet("another")
    await other.say(GetStatus())
    await other.wait_for(Status)


async def test_a_frame_above_the_limit_is_not_read(meet):
    ana = await meet()
    await ana.socket.send(bytes(MAX_FRAME_BYTES + 1))
    with pytest.raises(ConnectionClosed):
        await ana.socket.recv()
    assert ana.socket.close_code == 1009
    await still_serves(meet)


async def test_many_small_fragments_do_not_get_around_the_limit(meet):
    ana = await meet()

    def pieces():
        for _ in range(MAX_FRAME_BYTES // 65536 + 2):
            yield bytes(65536)

    with contextlib.suppress(ConnectionClosed):
        await ana.socket.send(pieces())
    await ana.socket.wait_closed()
    assert ana.socket.close_code == 1009


async def test_nothing_compressed_is_taken(server, tools):
    from websockets.asyncio.client import connect

    headers = {"Authorization": f"Bearer {server.found.token}"}
    url = f"ws://{server.found.host}:{server.found.port}/"
    async with connect(url, additional_headers=headers, compression="deflate", proxy=None) as socket:
        assert socket.protocol.extensions == [], "offered, and not taken"
        packed = zlib.compressobj(wbits=-15)
        bomb = packed.compress(bytes(64 * 1024 * 1024)) + packed.flush()
        # final, binary, and RSV1: compressed (RFC 7692); 127 announces a length of 64 bits, and a mask of zeros
        socket.transport.write(struct.pack(">BBQI", 0b1100_0010, 0x80 | 127, len(bomb), 0) + bomb)
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == 1002


async def test_another_major_version_is_told_which_side_to_update(server, tools):
    for major, side in ((0, "painting program's plugin"), (2, "backend"), (10**15, "backend")):
        async with tools.socket_to(server.found) as socket:
            await socket.send(json.dumps({"type": "hello", "version": {"major": major}, "anything": "else"}))
            goodbye = json.loads(await socket.recv())
            assert (goodbye["type"], goodbye["failure"]["code"]) == ("goodbye", "version_mismatch")
            assert goodbye["failure"]["happened"].endswith(f"the {side} needs an update.")
            with pytest.raises(ConnectionClosed):
                await socket.recv()


@pytest.mark.parametrize("first", ['{"type": "get_status"}', '{"type": "hello"}', "no JSON", "[]", b"bytes", b"", ""])
async def test_the_first_message_must_be_a_greeting(server, tools, first):
    async with tools.socket_to(server.found) as socket:
        await socket.send(first)
        assert json.loads(await socket.recv())["type"] == "goodbye"
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_who_does_not_greet_is_dropped(server, tools, monkeypatch):
    monkeypatch.setattr("backend.server.session.HELLO_SECONDS", 0.05)
    async with tools.socket_to(server.found) as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_an_unknown_message_is_refused_by_name_and_the_connection_goes_on(meet):
    ana = await meet()
    await ana.socket.send('{"type": "paint_faster", "id": "me"}')
    refused = await ana.wait_for(Refused)
    assert (refused.request, refused.failure.code, refused.id) == ("paint_faster", "unknown_request", "me")
    await ana.say(GetStatus())
    await ana.wait_for(Status)


async def test_bad_fields_are_refused_with_the_path(meet, tools):
    ana = await meet()
    job = tools.new_job()
    plain = json.loads(encode_message(Submit(job)))
    plain["job"]["style"]["steps"] = "many"
    await ana.socket.send(json.dumps(plain))
    refused = await ana.wait_for(Refused)
    assert (refused.request, refused.failure.code, refused.id) == ("submit", "bad_message", job.id)
    assert "expected int, got str at $.job.style.steps" in refused.failure.happened


async def test_a_size_that_does_not_fit_the_pixels_is_refused_before_anything_is_asked_for(meet, hand, tools):
    ana = await meet()
    job, _ = tools.job_with_image()
    plain = json.loads(encode_message(Submit(job)))
    for field, value in (
        ("size", 12),
        ("width", 65),
        ("width", 2**40),
        ("order", "rgb"),
        ("depth", "u16"),
        ("size", -1),
    ):
        changed = json.loads(json.dumps(plain))
        changed["job"]["image"][field] = value
        before = len(ana.of(Refused))
        await ana.socket.send(json.dumps(changed))
        refused = await ana.wait_for(Refused, count=before + 1)
        assert refused.failure.code == "bad_message"
        assert "$.job" in refused.failure.happened
    assert not ana.of(Need)
    assert hand.ran == []


async def test_bytes_that_are_not_what_was_declared_end_the_connection(meet, hand, tools):
    job, content = tools.job_with_image()
    for wrong, code in ((content[:-1] + b"x", "bad_content"), (content + b"x", "bad_content")):
        ana = await meet()
        await ana.socket.send(encode_message(Submit(job)))
        ana.talk.receive(await ana.socket.recv())
        goodbye = await sent_away(ana, encode_chunk(job.image.content, 0, wrong))
        assert goodbye.failure.code == code
    assert hand.ran == []
    await still_serves(meet)


async def test_chunks_out_of_order_or_not_asked_for_end_the_connection(meet, tools):
    job, content = tools.job_with_image()
    ana = await meet()
    await sent_away(ana, encode_chunk(job.image.content, 0, content))
    ben = await meet("ben")
    await ben.socket.send(encode_message(Submit(job)))
    await sent_away(ben, encode_chunk(job.image.content, 1, content[1:]))


async def test_a_chunk_above_its_bound_ends_the_connection(meet, tools):
    ana = await meet()
    await ana.socket.send(encode_chunk("0" * 64, 0, bytes(CHUNK_BYTES)) + b"x")
    await ana.socket.wait_closed()
    await still_serves(meet)


async def test_a_decompression_bomb_is_a_failed_job(meet, hand, tools):
    """A few KiB that claim to be 64 x 64 pixels and unpack to 64 MiB travel as they are; who unpacks them stops in time."""
    bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
    image = Raster(content_name(bomb), len(bomb), 64, 64, "rgba", "u8", "zlib")
    ana = await meet()
    job = tools.new_job(image=image, strength=0.5)
    await ana.submit(job, bomb)
    await ana.wait_for(Accepted)
    await tools.until(lambda: hand.plan)
    with pytest.raises(ContentError, match="more than 16384 bytes"):
        unpack(image, hand.contents[0][image.content])
    hand.fail()
    await ana.wait_for(Failed)
    # and one that claims to be what it unpacks to is above what is announced
    plain = json.loads(encode_message(Submit(job)))
    for of in ("image", "extent"):
        plain["job"][of] |= {"width": 32768, "height": 32768}
    await ana.socket.send(json.dumps(plain))
    assert (await ana.wait_for(Refused)).failure.code == "bad_message"


async def test_a_second_greeting_ends_the_connection(meet):
    from protocol import Hello

    ana = await meet()
    goodbye = await sent_away(ana, encode_message(Hello("ben")))
    assert goodbye.failure.code == "out_of_turn"


@given(frames=st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_frames_leave_the_server_standing(server, tools, frames):
    async with tools.socket_to(server.found) as socket:
        peer = tools.Peer(socket)
        await peer.wait_for(Welcome)
        try:
            for frame in frames:
                await socket.send(frame)
            await peer.say(GetStatus())
            while not peer.of((Status, Goodbye)):
                await peer.hear()
        except ConnectionClosed:
            pass
    async with tools.socket_to(server.found) as socket:
        other = tools.Peer(socket, "another")
        await other.say(GetStatus())
        await other.wait_for(Status)


async def test_who_is_sent_away_in_the_midst_of_much_is_gone_at_once(make_server, reach, monkeypatch):
    """The consent to close stands behind frames that nobody looks at any more; it is found all the same."""
    monkeypatch.setattr("backend.server.server.CLOSE_SECONDS", 60.0)
    server = make_server()
    await server.start()
    ana = await reach(server, close_timeout=60.0)
    for _ in range(50):
        await ana.socket.send("no JSON")
    async with asyncio.timeout(20):
        await ana.socket.close()
    await server.stop()
