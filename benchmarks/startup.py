"""How soon one can paint: until a connection is accepted, until the first picture, and what is imported on the way.

::

    python -m benchmarks.startup

Each figure stands beside a reference taken in turn with it: a websockets server with nothing in it, a script that paints the
same picture with diffusers' own pipeline, and a bare interpreter.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from websockets.sync.client import connect

from backend.cli.reach import running_only
from backend.client import Client
from backend.places import HOME_VARIABLE, Places
from backend.server import discovery
from benchmarks.turns import in_turn, machine
from protocol import Extent, Failed, Job, Result, Style

ROUNDS = 7
STEPS = 20
SEED = 1

BARE_SERVER = """
import asyncio, sys
from websockets.asyncio.server import serve
async def main():
    async with serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().create_future()
asyncio.run(main())
"""

BARE_PIPELINE = f"""
import sys, torch
from diffusers import StableDiffusionPipeline
pipe = StableDiffusionPipeline.from_pretrained(sys.argv[1], torch_dtype=torch.float32, safety_checker=None, local_files_only=True)
pipe.set_progress_bar_config(disable=True)
pipe("a red apple", height=128, width=128, num_inference_steps={STEPS}, generator=torch.Generator().manual_seed({SEED}))
"""


@contextlib.contextmanager
def backend() -> Iterator[tuple[Places, subprocess.Popen[bytes]]]:
    """Start a backend of its own, in a folder of its own; end it afterwards."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, HOME_VARIABLE: home}
        command = [sys.executable, "-P", "-m", "backend.cli", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.environ[HOME_VARIABLE] = home
        places = Places.of_user()
        del os.environ[HOME_VARIABLE]
        try:
            while discovery.read(places) is None:
                time.sleep(0.005)
            yield places, process
        finally:
            process.terminate()
            process.wait()


async def accept() -> None:
    """From nothing to an accepted connection."""
    with backend() as (places, _):
        found = discovery.read(places)
        assert found is not None
        headers = {"Authorization": f"Bearer {found.token}"}
        connect(f"ws://{found.host}:{found.port}/", additional_headers=headers, compression=None, proxy=None).close()


async def accept_bare() -> None:
    """The same with a server that does nothing."""
    with subprocess.Popen([sys.executable, "-c", BARE_SERVER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        connect(f"ws://127.0.0.1:{port}/", compression=None, proxy=None).close()
        process.terminate()


async def first_picture() -> None:
    """From nothing to the first picture."""
    with backend() as (places, _):
        job = Job(
            uuid.uuid4().hex,
            Extent(128, 128),
            "a red apple",
            seed=SEED,
            style=Style(steps=STEPS, model="starter"),
            previews=False,
        )
        async with Client(running_only(places), secrets.token_hex(16), "benchmark") as client:
            client.submit(job, {})
            async for news in client.news():
                if isinstance(news, Failed):
                    raise RuntimeError(news.failure.happened)
                if isinstance(news, Result):
                    return


async def first_picture_bare() -> None:
    """The same with diffusers alone."""
    import starter

    await _run("-c", BARE_PIPELINE, str(starter.folder()))


async def _run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.DEVNULL)
    if await process.wait():
        raise RuntimeError(f"{arguments} failed")


async def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    os.environ["PYTHONPATH"] = str(Path(__file__).parent.parent)
    print(f"{machine()}; medians of {rounds} rounds after one that does not count\n")
    print("| from nothing until | ours, ms | reference, ms | ratio |\n|---|---|---|---|")
    print(
        (await in_turn(accept, accept_bare, rounds)).row(
            "a connection is accepted (reference: an empty websockets server)"
        )
    )
    print(
        (await in_turn(first_picture, first_picture_bare, rounds)).row("the first picture (reference: diffusers alone)")
    )
    for module in ("backend.cli", "backend.client", "backend.server"):
        pair = await in_turn(partial(_run, "-P", "-c", f"import {module}"), partial(_run, "-P", "-c", "pass"), rounds)
        print(pair.row(f"`import {module}` (reference: a bare interpreter)"))


if __name__ == "__main__":
    asyncio.run(main())
