"""One server per user: the models of two would not fit into one memory."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from filelock import FileLock, Timeout

from backend.places import Places

from . import discovery, private
from .discovery import Found
from .problem import CannotServe

WAIT_SECONDS: Final = 15.0
"""For a server that is stopping to let go, or for one that is starting to say where it is."""

LOOK_SECONDS: Final = 0.05
"""Between two looks."""


class AlreadyRunning(Exception):
    """Another server of this user runs: `found`."""

    def __init__(self, found: Found) -> None:
        super().__init__(f"A backend runs already, as process {found.process}.")
        self.found = found


async def become_the_one(places: Places) -> FileLock:
    """Return the held lock of this user's one server; the system lets go of it when the process ends, however that is.

    Raises AlreadyRunning, or CannotServe when the lock's holder neither ends nor says where it is.
    """
    private.own_folder(places.lock.parent)
    lock = FileLock(places.lock, mode=0o600)
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            found = discovery.read(places)
            if found is not None:
                raise AlreadyRunning(found) from None
        except OSError as error:
            raise CannotServe(
                "no_lock",
                f"The file {places.lock} cannot be locked: {error.strerror or error}.",
                "Set the folder's permissions, or name another place in SCUMBLE_HOME.",
            ) from error
        else:
            return lock
        if time.monotonic() > deadline:
            raise CannotServe(
                "lock_held",
                "Another backend of yours holds the lock, but does not answer.",
                f"End that process; the lock is {places.lock}.",
            )
        await asyncio.sleep(LOOK_SECONDS)
