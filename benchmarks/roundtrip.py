"""What the road costs when painting costs nothing: a picture in, the same picture out.

::

    python -m benchmarks.roundtrip

Timed is all that a client does and waits for: hash the picture, submit, send it, fetch the result, acknowledge. The server
runs in a process of its own with an executor that echoes its input, and spools results to disk as ever. The reference sends the
same bytes over a plain socket to another process and takes as many back.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from backend.cli.reach import find
from backend.client import Address, Client
from backend.places import HOME_VARIABLE, Places
from benchmarks.turns import in_turn, machine
from protocol import Extent, Failed, Job, Raster, Result, Welcome, content_name

SIDES = (512, 1024, 2048, 4096)
ROUNDS = 9
BYTES_PER_PIXEL = 4
MARK_BYTES = 16

PLAIN_ECHO = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    peer, _ = server.accept()
    with peer:
        while size := int.from_bytes(peer.recv(8, socket.MSG_WAITALL), "big"):
            data = bytearray(size)
            view = memoryview(data)
            while view:
                view = view[peer.recv_into(view) :]
            peer.sendall(data)
"""


class Ours:
    """A client of a backend that echoes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._news = client.news()

    async def greet(self) -> None:
        """Wait until the connection stands."""
        async for news in self._news:
            if isinstance(news, Welcome):
                return

    async def echo_next(self, side: int, pictures: Iterator[bytes]) -> None:
        """Have the next picture painted; it must come back as it was."""
        pixels = next(pictures)
        raster = Raster(content_name(pixels), len(pixels), side, side, "rgba")
        job = Job(uuid.uuid4().hex, Extent(side, side), image=raster, strength=0.5, previews=False)
        self._client.submit(job, {raster.content: pixels})
        async for news in self._news:
            if isinstance(news, Failed):
                raise RuntimeError(news.failure.happened)
            if isinstance(news, Result):
                if news.contents[raster.content] != pixels:
                    raise RuntimeError("the echo is not what was sent")
                self._client.acknowledge(job.id)
                return


class Plain:
    """A plain socket to a process that sends back what it gets."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", PLAIN_ECHO], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._socket = socket.create_connection(("127.0.0.1", int(self._process.stdout.readline())))

    async def echo(self, pixels: bytes) -> None:
        """Send, and take as much back."""
        self._socket.sendall(len(pixels).to_bytes(8, "big"))
        self._socket.sendall(pixels)
        back = memoryview(bytearray(len(pixels)))
        while back:
            back = back[self._socket.recv_into(back) :]

    def close(self) -> None:
        """End the other process."""
        self._socket.sendall(bytes(8))
        self._socket.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def measure(client: Client, rounds: int) -> None:
    """Print a row for each size."""
    ours, plain = Ours(client), Plain()
    await ours.greet()
    print("| picture | ours, ms | plain socket, ms | ratio |\n|---|---|---|---|")
    try:
        for side in SIDES:
            rest = os.urandom(side * side * BYTES_PER_PIXEL - MARK_BYTES)
            # what the backend has it does not ask for again: every round needs a picture of its own, made before the clock runs
            pictures = iter([os.urandom(MARK_BYTES) + rest for _ in range(rounds + 1)])
            again = os.urandom(MARK_BYTES) + rest
            pair = await in_turn(partial(ours.echo_next, side, pictures), partial(plain.echo, again), rounds)
            print(pair.row(f"{side} x {side}, {side * side * BYTES_PER_PIXEL / 2**20:.0f} MiB"), flush=True)
    finally:
        plain.close()


async def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print(f"{machine()}; medians of {rounds} rounds after one that does not count\n")
    with tempfile.TemporaryDirectory() as home:
        os.environ[HOME_VARIABLE] = home
        places = Places.of_user()
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
        command = [sys.executable, "-m", "benchmarks.echo_server"]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = await asyncio.to_thread(_wait, places)

            async def reach() -> Address:
                return address

            async with Client(reach, secrets.token_hex(16), "benchmark") as client:
                await measure(client, rounds)
        finally:
            server.terminate()
            server.wait()


def _wait(places: Places) -> Address:
    while (address := find(places)) is None:
        time.sleep(0.02)
    return address


if __name__ == "__main__":
    asyncio.run(main())
