"""Find the backend of this user, or start one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from backend.client import Address, Reach, Unreachable
from backend.places import HOME_VARIABLE, LORAS_VARIABLE, MODELS_VARIABLE, Places
from backend.server import discovery
from protocol import Failure, carriable

IDLE_SECONDS = 900
"""A backend that a command started stops after so long without work: long enough to keep the model loaded between two
fills, short enough not to hold memory for the rest of the day."""

START_SECONDS = 30.0
"""Until a started backend must listen. It takes about a second; a cold disk and a virus scanner can make it many."""

LOOK_SECONDS = 0.05
"""Between two looks for the discovery file."""

MAX_LAST_WORDS = 2000
"""Characters of what a backend that did not start has said: its two sentences, or the end of a traceback."""


def find(places: Places) -> Address | None:
    """Return where a live backend listens, or None."""
    found = discovery.read(places)
    return Address(found.host, found.port, found.token) if found is not None else None


def running_only(places: Places) -> Reach:
    """Return a `Reach` that never starts a backend."""

    async def reach() -> Address:
        address = find(places)
        if address is None:
            raise Unreachable(
                Failure(
                    "not_running",
                    "No backend is running.",
                    "Start one with 'scumble serve', or just use 'scumble fill'.",
                )
            )
        return address

    return reach


def running_or_started(places: Places, say: Callable[[str], None]) -> Reach:
    """Return a `Reach` that starts a backend when none runs. `say` hears of it."""

    async def reach() -> Address:
        address = find(places)
        if address is not None:
            return address
        say("Starting the backend ...")
        # a file, not a pipe: it is still there when the backend outlives this command
        with tempfile.TemporaryFile() as words:
            process = _start(words)
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline:
                address = find(places)
                if address is not None:
                    return address
                # 0 when another one was first: that one is about to say where it is
                if process.poll() not in (None, 0):
                    break
                await asyncio.sleep(LOOK_SECONDS)
            raise Unreachable(_not_started(_last_words(words), places))

    return reach


def _start(words: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start `scumble serve` so that it outlives this command and its terminal; what it complains of goes to `words`."""
    command = [sys.executable, "-P", "-m", "backend.cli", "serve", "--idle", str(IDLE_SECONDS)]
    flags, quiet = 0, subprocess.DEVNULL
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    return subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=quiet,
        stdout=quiet,
        stderr=words,
        # a process keeps the disk it stands on from being ejected, and on Windows its folder from being deleted
        cwd=Path(sys.executable).anchor,
        env=_absolute(os.environ),
        creationflags=flags,
        start_new_session=True,
    )


def _absolute(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the folders in it named so that they are the same from another folder."""
    changed = {
        name: str(Path(environment[name]).absolute())
        for name in (HOME_VARIABLE, MODELS_VARIABLE, LORAS_VARIABLE)
        if environment.get(name)
    }
    return {**environment, **changed}


def _last_words(words: IO[bytes]) -> str:
    words.seek(0)
    return words.read().decode("utf-8", "replace").replace("\x00", "").strip()[-MAX_LAST_WORDS:]


def _not_started(words: str, places: Places) -> Failure:
    return Failure(
        "not_started",
        "The backend did not start" + (f": {words}" if words else "."),
        carriable(f"If that does not help, look at the end of its log {places.log}, and at 'scumble doctor'."),
    )
