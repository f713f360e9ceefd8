"""A second client for the backend, written from docs/protocol.md alone: the standard library and websockets, nothing else."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import struct
import time
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

HEADER = struct.Struct(">4sBBH32sIQ")
PART, PREVIEW = 0, 1
LARGEST_FRAME = 1_048_628
LARGEST_CHUNK = 1_048_576
ENDS = ("done", "failed", "cancelled")
CHANNELS = {"gray": 1, "graya": 2, "rgb": 3, "rgba": 4, "bgra": 4}
BYTES = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}


class Broken(Exception):
    """The server did not keep the contract."""


class Lost(Exception):
    """The connection has ended."""


def began(process: int) -> float | None:
    """When a process began, in seconds since 1970; None where this system does not tell."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    except (OSError, StopIteration):
        return None
    ticks = int(stat.rpartition(")")[2].split()[19])
    return int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")


def discover(file: Path) -> dict | None:
    """What the discovery file says; None when there is no server behind it."""
    try:
        status = file.stat()
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if os.name == "posix":
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise Broken(f"others may read {file}")
        try:
            os.kill(found["process"], 0)
        except ProcessLookupError:
            return None
    start = began(found["process"])
    if start is not None and abs(start - found["started"]) > 60:
        return None
    return found


def address(found: dict) -> str:
    host = f"[{found['host']}]" if ":" in found["host"] else found["host"]
    return f"ws://{host}:{found['port']}/"


def raster(payload: bytes, width: int, height: int, order: str, depth: str = "u8") -> dict:
    """The value that names these pixels."""
    if len(payload) != width * height * CHANNELS[order] * BYTES[depth]:
        raise ValueError("the pixels do not fill the raster")
    content = hashlib.sha256(payload).hexdigest()
    size = len(payload)
    return {"content": content, "size": size, "width": width, "height": height, "order": order, "depth": depth}


class Client:
    """One connection. Whatever is heard is kept in the order in which it came."""

    def __init__(self, installation: str, attachments: dict[str, bytes] | None = None, *, greedy: bool = True):
        self.installation = installation
        self.greedy = greedy  # whether a `need` is answered at once
        self.attachments = {} if attachments is None else attachments
        self.heard: list[dict] = []
        self.contents: dict[str, bytes] = {}
        self.previews: list[tuple[dict, bytes]] = []
        self.chunk = LARGEST_CHUNK
        self.parts = 0  # chunks that have left
        self._wanted: dict[str, dict] = {}
        self._arrived: dict[str, bytearray] = {}
        self._leaving: dict[str, int] = {}
        self._work = asyncio.Event()
        self._news = asyncio.Condition()
        self._fault: BaseException | None = None
        self._tasks: list[asyncio.Task] = []
        self.socket = None

    # the connection

    async def open(self, file: Path, *, hello: bool = True, seconds: float = 30) -> Client:
        """Connect, again and again after a moment, until a server answers."""
        pause, end = 0.05, time.monotonic() + seconds
        while True:
            found = discover(file)
            if found is not None:
                try:
                    self.socket = await connect(
                        address(found),
                        additional_headers={"Authorization": f"Bearer {found['token']}"},
                        origin=None,
                        compression=None,
                        proxy=None,
                        max_size=LARGEST_FRAME,
                        write_limit=65536,
                    )
                    break
                except OSError:
                    pass
            if time.monotonic() > end:
                raise Lost("there is no server")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._upload())]
        if hello:
            await self.hello()
        return self

    async def hello(self, major: int = 1) -> None:
        version = {"major": major, "minor": 1}
        await self.send("hello", installation=self.installation, client="other client 1.0", version=version)
        welcome = await self.next("welcome", "goodbye")
        if welcome["type"] == "welcome":
            self.chunk = min(LARGEST_CHUNK, welcome.get("limits", {}).get("chunk_bytes", LARGEST_CHUNK))

    async def close(self) -> None:
        await self.socket.close()
        await self._end()

    async def abort(self) -> None:
        """Lose the connection as a cut cable does: no closing handshake, nothing."""
        self.socket.transport.abort()
        await self.socket.wait_closed()
        await self._end()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *what) -> None:
        await self.close()

    # what leaves

    async def send(self, kind: str, **fields) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}, allow_nan=False))

    def attach(self, payload: bytes, width: int, height: int, order: str, depth: str = "u8") -> dict:
        made = raster(payload, width, height, order, depth)
        self.attachments[made["content"]] = payload
        return made

    async def upload_part(self, content: str, offset: int, size: int) -> None:
        part = self.attachments[content][offset : offset + size]
        await self.socket.send(HEADER.pack(b"SCMB", 1, PART, 0, bytes.fromhex(content), 0, offset) + part)
        self.parts += 1

    async def _upload(self) -> None:
        try:
            while True:
                await self._work.wait()
                if not self._leaving:
                    self._work.clear()
                    continue
                content, offset = next(iter(self._leaving.items()))
                following = offset + self.chunk
                if following < len(self.attachments[content]):
                    self._leaving[content] = following
                else:
                    del self._leaving[content]
                await self.upload_part(content, offset, self.chunk)
        except ConnectionClosed:
            pass

    # what comes

    async def _listen(self) -> None:
        preview = None
        try:
            async for frame in self.socket:
                if preview is not None:
                    self._look(preview, frame)
                    preview = None
                elif isinstance(frame, bytes):
                    self._collect(frame)
                else:
                    message = json.loads(frame)
                    if message["type"] == "preview":
                        preview = message
                    if message["type"] == "need" and self.greedy:
                        self._leaving.update(dict.fromkeys(message["contents"], 0))
                        self._work.set()
                    self.heard.append(message)
                async with self._news:
                    self._news.notify_all()
            self._fault = Lost(f"the server has closed: {self.socket.close_code}")
        except ConnectionClosed as error:
            self._fault = Lost(str(error))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self._fault = error
        async with self._news:
            self._news.notify_all()

    @staticmethod
    def _read(frame: bytes) -> tuple[int, str, int, bytes]:
        magic, version, kind, zero, content, also_zero, offset = HEADER.unpack_from(frame)
        payload = frame[HEADER.size :]
        if (magic, version, zero, also_zero) != (b"SCMB", 1, 0, 0) or not 1 <= len(payload) <= LARGEST_CHUNK:
            raise Broken("what came is no chunk")
        return kind, content.hex(), offset, payload

    def _look(self, message: dict, frame: bytes | str) -> None:
        if isinstance(frame, str):
            raise Broken("a message came between a preview and its pixels")
        kind, content, offset, payload = self._read(frame)
        image = message["image"]
        if (kind, content, offset, len(payload)) != (PREVIEW, image["content"], 0, image["size"]):
            raise Broken("the chunk is not the preview's")
        if hashlib.sha256(payload).hexdigest() != content:
            raise Broken("a preview has a wrong hash")
        self.previews.append((message, payload))

    def _collect(self, frame: bytes) -> None:
        kind, content, offset, payload = self._read(frame)
        if kind != PART or content not in self._wanted:
            raise Broken("a chunk was not asked for")
        whole = self._arrived.setdefault(content, bytearray())
        if offset != len(whole):
            raise Broken(f"the offset is {offset}, not {len(whole)}")
        whole += payload
        size = self._wanted[content]["size"]
        if len(whole) > size:
            raise Broken("more came than there is")
        if len(whole) == size:
            if hashlib.sha256(whole).hexdigest() != content:
                raise Broken("a picture has a wrong hash")
            del self._wanted[content], self._arrived[content]
            self.contents[content] = bytes(whole)

    # to wait for

    async def until(self, happened, seconds: float = 60):
        """Wait until the call gives something, and give that."""
        async with asyncio.timeout(seconds), self._news:
            while not (found := happened()):
                if self._fault is not None:
                    raise self._fault
                await self._news.wait()
            return found

    def all(self, *kinds: str, job: str | None = None, since: int = 0) -> list[dict]:
        return [m for m in self.heard[since:] if m["type"] in kinds and job in (None, m.get("id"))]

    async def next(self, *kinds: str, job: str | None = None, since: int = 0) -> dict:
        """Wait for the first of these messages that came after the first `since` ones."""
        return (await self.until(lambda: self.all(*kinds, job=job, since=since)))[0]

    async def ask(self, kind: str, *answers: str, **fields) -> dict:
        since = len(self.heard)
        await self.send(kind, **fields)
        return await self.next(*answers, since=since)

    # whole deeds

    async def end(self, job: str) -> dict:
        return await self.next(*ENDS, "refused", job=job)

    async def where(self, *jobs: str) -> list[str]:
        states = (await self.ask("query", "jobs", ids=list(jobs)))["states"]
        if [state["id"] for state in states] != list(jobs):
            raise Broken("the answer is not in the order of the question")
        return [state["state"] for state in states]

    async def fetch(self, done: dict) -> list[bytes]:
        """The pictures of a job that is done, in order."""
        images = [picture["image"] for picture in done["pictures"]]
        self._wanted.update({image["content"]: image for image in images})
        await self.send("need", contents=[image["content"] for image in images])
        await self.until(lambda: all(image["content"] in self.contents for image in images))
        return [self.contents[image["content"]] for image in images]

    async def acknowledge(self, job: str) -> None:
        await self.send("acknowledge", id=job)
