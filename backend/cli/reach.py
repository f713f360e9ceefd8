"""Find the backend of this user, or start one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable

from backend.client import Address, Reach, Unreachable
from backend.places import Places
from backend.server import discovery
from protocol import Failure

IDLE_SECONDS = 900
"""A backend that a command started stops after so long without work: long enough to keep the model loaded between two
fills, short enough not to hold memory for the rest of the day."""

START_SECONDS = 30.0
"""Until a started backend must listen. It takes about a second; a cold disk and a virus scanner can make it many."""

LOOK_SECONDS = 0.05
"""Between two looks for the discovery file."""


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
        process = _start()
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            address = find(places)
            if address is not None:
                return address
            if process.poll() not in (None, 0):
                raise Unreachable(_died(places))
            await asyncio.sleep(LOOK_SECONDS)
        raise Unreachable(_died(places))

    return reach


def _start() -> subprocess.Popen[bytes]:
    """Start `scumble serve` so that it outlives this command and its terminal."""
    command = [sys.executable, "-P", "-m", "backend.cli", "serve", "--idle", str(IDLE_SECONDS)]
    quiet = subprocess.DEVNULL
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, creationflags=flags)  # noqa: S603
    return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)  # noqa: S603


def _died(places: Places) -> Failure:
    return Failure(
        "not_started",
        "The backend did not start.",
        f"Look at the end of its log {places.log}, or run 'scumble serve' to see what it says.",
    )
