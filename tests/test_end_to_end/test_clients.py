"""Clients that are no good neighbours: the server goes on for all others."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import uuid

import numpy as np
import pytest
from websockets.asyncio.client import connect

from backend.cli.reach import find
from protocol import Content, Conversation, Done, Extent, Hello, Job, Raster, Style, Submit, Welcome

HUNDRED = 100

FEW_MORE = 8
"""File descriptors that a server may have opened for itself meanwhile."""


class Peer:
    """A client by hand, that reads only when told to."""

    def __init__(self, socket, attachments=()) -> None:
        self.socket = socket
        self.attachments = {hashlib.sha256(data).hexdigest(): data for data in attachments}
        self.talk = Conversation("client", self.attachments.get)
        self.heard = []

    async def flush(self) -> None:
        while (frame := self.talk.next_frame()) is not None:
            await self.socket.send(frame)

    async def say(self, *messages) -> None:
        for message in messages:
            self.talk.send(message)
        await self.flush()

    async def hear(self, kind):
        while not (found := [heard for heard in self.heard if isinstance(heard, kind)]):
            async with asyncio.timeout(60):
                self.heard += self.talk.receive(await self.socket.recv())
            await self.flush()
        return found[0]


def reach(home, **options):
    address = find(home.places)
    headers = {"Authorization": f"Bearer {address.token}"}
    uri = f"ws://{address.host}:{address.port}/"
    return connect(uri, additional_headers=headers, compression=None, max_size=2**21, proxy=None, **options)


def job_of(side: int, **fields) -> Job:
    return Job(id=uuid.uuid4().hex, extent=Extent(side, side), style=Style(steps=1), **fields)


async def vanish(connection) -> None:
    """Break a connection off without a word, by a reset."""
    raw = connection.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()
    await connection.wait_closed()


async def come_and_vanish(home, stage: int) -> None:
    """Get as far as that stage: a bare socket, a handshake, a greeting, a job whose pixels never come."""
    if stage == 0:
        address = find(home.places)
        _, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTT")
        await writer.drain()
        writer.transport.abort()
        return
    connection = await reach(home)
    peer = Peer(connection)
    if stage > 1:
        await peer.say(Hello(uuid.uuid4().hex, "vanishing"))
        await peer.hear(Welcome)
    if stage > 2:
        size = 512 * 512 * 4
        image = Raster("a" * 64, size, 512, 512, "rgba", "u8")
        await peer.say(Submit(job_of(512, image=image, strength=0.5)))
    await vanish(connection)


async def test_a_hundred_that_connect_and_vanish_leave_nothing_behind(shared, tmp_path, wait_until):
    shared.fill("badge", tmp_path / "before.png", "--steps", "1").wait()
    server = await asyncio.to_thread(shared.server)
    before = server.num_fds()
    for start in range(0, HUNDRED, 20):
        await asyncio.gather(*(come_and_vanish(shared, stage % 4) for stage in range(start, start + 20)))

    def calm():
        return server.num_fds() <= before + FEW_MORE

    await asyncio.to_thread(wait_until, calm, "its file descriptors are back")
    await asyncio.to_thread(shared.wait_for_jobs, 0, 0)
    # the one who asks is the only one; what the others were lent on the disk is taken back first
    await asyncio.to_thread(wait_until, lambda: shared.status().clients == 1, "the server has let go of all of them")
    command = shared.fill("badge", tmp_path / "after.png", "--steps", "1")
    await asyncio.to_thread(command.wait)


async def test_one_that_stops_reading_holds_up_nobody_and_loses_nothing(shared, tmp_path):
    """It has asked for more than the system's buffers hold, and takes none of it until another one has its picture."""
    async with reach(shared, max_queue=1) as connection:
        peer = Peer(connection)
        await peer.say(Hello(uuid.uuid4().hex, "slow"))
        await peer.say(Submit(job_of(2048)))
        done = await peer.hear(Done)
        image = done.pictures[0].image
        assert image.size == 2048 * 2048 * 4
        peer.talk.ask([image])
        await peer.flush()
        command = shared.fill("badge", tmp_path / "out.png", "--steps", "3")
        await asyncio.to_thread(command.wait)
        content = await peer.hear(Content)
        assert (content.name, len(content.data)) == (image.content, image.size)
        assert np.frombuffer(content.data, np.uint8).std() > 0


@pytest.mark.parametrize("token", ["", "0" * 64])
def test_the_secret_is_asked_for(shared, token):
    address = find(shared.places)
    with socket.create_connection((address.host, address.port), 10) as raw:
        request = (
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{address.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        )
        raw.sendall(request.encode())
        assert raw.makefile("rb").readline().startswith(b"HTTP/1.1 401 ")
