from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import time
import uuid
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from backend.models import Library
from backend.places import Places
from backend.server import Server
from protocol import (
    MAX_FRAME_BYTES,
    Cancelled,
    Content,
    Conversation,
    Done,
    Extent,
    Failed,
    Hello,
    Job,
    PreviewPicture,
    Raster,
    Submit,
    Welcome,
)

_spec = importlib.util.spec_from_file_location("hand", Path(__file__).parents[1] / "test_jobs" / "hand.py")
hand_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hand_module)

SIDE = 64


async def until(holds, seconds: float = 60.0):
    """Wait for a condition; the time only bounds how long a broken test hangs."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to hold"
        await asyncio.sleep(0.002)
    return found


def places_under(base: Path) -> Places:
    return Places(base / "run", base / "data", base / "models", base / "styles", base / "spool", base / "logs")


def socket_to(found, token: str | None = None, **options):
    headers = {"Authorization": f"Bearer {found.token if token is None else token}"}
    options = {"close_timeout": 0.5, **options}
    return connect(
        f"ws://{found.host}:{found.port}/",
        additional_headers=headers,
        compression=None,
        max_size=MAX_FRAME_BYTES,
        proxy=None,
        open_timeout=10,
        **options,
    )


class Peer:
    """A client on a real socket. Keeps all it hears."""

    def __init__(self, socket, installation: str = "ana") -> None:
        self.socket = socket
        self.attachments = {}
        self.talk = Conversation("client", self.attachments.get)
        self.heard = []
        self.contents = {}
        self.talk.send(Hello(installation, "test"))

    async def flush(self) -> None:
        while (frame := self.talk.next_frame()) is not None:
            await self.socket.send(frame)

    async def say(self, *messages) -> None:
        for message in messages:
            self.talk.send(message)
        await self.flush()

    async def hear(self) -> None:
        async with asyncio.timeout(10):
            frame = await self.socket.recv()
        for received in self.talk.receive(frame):
            if isinstance(received, Content):
                self.contents[received.name] = received.data
            else:
                self.heard.append(received)
        await self.flush()

    def of(self, kind, job_id=None):
        return [
            heard for heard in self.heard if isinstance(heard, kind) and job_id in (None, getattr(heard, "id", None))
        ]

    def ends(self, job_id):
        return self.of((Done, Failed, Cancelled), job_id)

    async def wait_for(self, kind, job_id=None, count: int = 1):
        await self.flush()
        while len(found := self.of(kind, job_id)) < count:
            await self.hear()
        return found[count - 1]

    async def submit(self, job, *contents: bytes) -> None:
        for content in contents:
            self.attachments[hashlib.sha256(content).hexdigest()] = content
        await self.say(Submit(job))

    async def fetch(self, done):
        self.talk.ask(picture.image for picture in done.pictures)
        await self.flush()
        wanted = {picture.image.content for picture in done.pictures}
        while not wanted <= self.contents.keys():
            await self.hear()
        return [self.contents[picture.image.content] for picture in done.pictures]


def new_job(side: int = SIDE, **fields) -> Job:
    fields.setdefault("id", uuid.uuid4().hex)
    return Job(extent=Extent(side, side), **fields)


def job_with_image(fill: int = 1, side: int = SIDE, **fields):
    content = bytes([fill]) * (side * side * 4)
    image = Raster(hashlib.sha256(content).hexdigest(), len(content), side, side, "rgba", "u8")
    return new_job(side, image=image, strength=0.5, **fields), content


@pytest.fixture
def places(tmp_path):
    return places_under(tmp_path)


@pytest.fixture
def hand():
    return hand_module.HandExecutor()


@pytest.fixture
def make_server(places, hand):
    def make(executor=None, **options):
        return Server(places, executor or hand, Library(places.models), **options)

    return make


@pytest.fixture
async def server(make_server):
    server = make_server()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def reach():
    """Connect to a server and greet; hands out peers that are closed in the end."""
    async with contextlib.AsyncExitStack() as stack:

        async def reach(server: Server, installation: str = "ana", **options) -> Peer:
            peer = Peer(await stack.enter_async_context(socket_to(server.found, **options)), installation)
            await peer.wait_for(Welcome)
            return peer

        yield reach


@pytest.fixture
def meet(server, reach):
    """Reach the server that every test has."""

    async def meet(installation: str = "ana", **options) -> Peer:
        return await reach(server, installation, **options)

    return meet


@pytest.fixture
def tools():
    class Tools:
        pass

    found = Tools()
    found.until, found.new_job, found.job_with_image, found.socket_to = until, new_job, job_with_image, socket_to
    found.Peer, found.hand, found.PreviewPicture = Peer, hand_module, PreviewPicture
    found.places_under = places_under
    return found
