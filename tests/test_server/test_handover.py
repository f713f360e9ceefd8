"""Pixels handed over by files, with a real server: both ways to the bit, folders of one's own, and nothing left behind."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from backend.client import Address, Client
from benchmarks.echo import Echo
from protocol import (
    EVENTS,
    Accepted,
    Acknowledge,
    Done,
    Goodbye,
    Laid,
    Lies,
    Refused,
    Result,
    Submit,
    Welcome,
    content_name,
    decode_message,
)

SIDE = 600
"""More than one chunk's worth of pixels."""


def inbox_of(peer) -> Path:
    return Path(peer.of(Welcome)[0].inbox)


async def lay(peer, content: bytes, name: str = "") -> None:
    (inbox_of(peer) / (name or content_name(content))).write_bytes(content)
    await peer.say(Laid(name or content_name(content)))


async def test_each_connection_has_a_folder_for_this_user_only(meet, server, places, tools):
    ana, ben = await meet("ana"), await meet("ben")
    folders = {inbox_of(ana), inbox_of(ben)}
    assert len(folders) == 2
    assert all(folder.parent == places.inboxes for folder in folders)
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in folders)
    await ana.socket.close()
    await tools.until(lambda: not inbox_of(ana).exists())
    assert inbox_of(ben).exists()


async def test_what_a_killed_server_left_is_gone(places, make_server):
    left = places.inboxes / "of another" / "pixels"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"pixels")
    server = make_server()
    await server.start()
    assert not left.exists()
    await server.stop()


async def test_a_client_paints_without_a_chunk(make_server, tools, monkeypatch):
    """The command line's own client, from the pixels to the pixels."""
    chunks = []
    monkeypatch.setattr("protocol.transfer.encode_chunk", lambda *chunk: chunks.append(chunk))
    server = make_server(Echo())
    await server.start()
    job, content = tools.job_with_image(side=SIDE)

    async def reach() -> Address:
        return Address(server.found.host, server.found.port, server.found.token)

    async with Client(reach, "ana", "test") as client, asyncio.timeout(20):
        client.submit(job, {content_name(content): content})
        async for news in client.news():
            if isinstance(news, Result):
                assert news.contents == {content_name(content): content}
                client.acknowledge(job.id)
                break
    await server.stop()
    assert chunks == []


async def test_pixels_that_are_laid_are_taken_and_removed(meet, tools):
    ana = await meet()
    job, content = tools.job_with_image(side=SIDE)
    await ana.say(Submit(job))
    await ana.hear()
    await lay(ana, content)
    await ana.wait_for(Accepted, job.id)
    assert list(inbox_of(ana).iterdir()) == []


async def test_what_is_not_there_is_asked_for_in_chunks(meet, tools):
    ana = await meet()
    job, content = tools.job_with_image(side=SIDE)
    await ana.say(Submit(job))
    await ana.hear()
    ana.attachments[content_name(content)] = content
    await ana.say(Laid(content_name(content)))
    await ana.wait_for(Accepted, job.id)


async def test_wrong_pixels_end_the_connection_and_no_other(meet, tools):
    ana, ben = await meet("ana"), await meet("ben")
    job, content = tools.job_with_image(side=SIDE)
    await ana.say(Submit(job))
    await ana.hear()
    await lay(ana, bytes(len(content)), content_name(content))
    assert (await ana.wait_for(Goodbye)).failure.code == "bad_content"
    with pytest.raises(ConnectionClosed):
        await ana.socket.recv()
    await ben.submit(job, content)
    await ben.wait_for(Accepted, job.id)


async def test_a_file_that_a_link_points_to_is_not_read(meet, tools, tmp_path):
    ana = await meet()
    job, content = tools.job_with_image(side=SIDE)
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    await ana.say(Submit(job))
    await ana.hear()
    (inbox_of(ana) / content_name(content)).symlink_to(secret)
    ana.attachments[content_name(content)] = content
    await ana.say(Laid(content_name(content)))
    await ana.wait_for(Accepted, job.id)
    assert secret.read_bytes() == content


async def test_a_picture_lies_on_the_disk_until_it_is_acknowledged(make_server, reach, tools):
    server = make_server(Echo())
    await server.start()
    ana = await reach(server)
    job, content = tools.job_with_image(side=SIDE)
    await ana.submit(job, content)
    done = await ana.wait_for(Done, job.id)
    name = done.pictures[0].image.content
    await ana.socket.send(f'{{"type":"need","contents":["{name}"],"lying":true}}')
    async with asyncio.timeout(10):
        lies = decode_message(await ana.socket.recv(), EVENTS)
    assert isinstance(lies, Lies)
    path = Path(lies.path)
    assert path.read_bytes()[lies.offset :][: len(content)] == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await ana.say(Acknowledge(job.id))
    await tools.until(lambda: not path.exists())
    await server.stop()


async def test_only_ones_own_pictures_lie_anywhere(make_server, reach, tools):
    server = make_server(Echo())
    await server.start()
    ana, ben = await reach(server), await reach(server, "ben")
    job, content = tools.job_with_image(side=SIDE)
    await ana.submit(job, content)
    await ana.wait_for(Done, job.id)
    await ben.socket.send(f'{{"type":"need","contents":["{content_name(content)}"],"lying":true}}')
    assert (await ben.wait_for(Refused)).failure.code == "unknown_content"
    await server.stop()


async def test_a_server_that_can_make_no_folder_takes_chunks(server, places, reach, tools):
    places.inboxes.parent.mkdir(exist_ok=True)
    places.inboxes.write_text("in the way")
    ana = await reach(server)
    assert ana.of(Welcome)[0].inbox == ""
    job, content = tools.job_with_image(side=SIDE)
    await ana.submit(job, content)
    await ana.wait_for(Accepted, job.id)
