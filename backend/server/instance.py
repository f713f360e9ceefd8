"""One server per user: the models of two would not fit into one memory."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

from filelock import FileLock, Timeout

from backend.places import Places

from . import discovery, private
from .discovery import Found
from .problem import CannotServe

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 15.0
"""For a server that is stopping to let go, or for one that is starting to say where it is."""

LOOK_SECONDS: Final = 0.05
"""Between two looks."""

LOCK_HELD: Final = "lock_held"
"""Code of the failure where another server is there and cannot be found."""


class AlreadyRunning(Exception):
    """Another server of this user runs: `found`."""

    def __init__(self, found: Found) -> None:
        super().__init__(f"A backend runs already, as process {found.process}.")
        self.found = found


@dataclass(frozen=True)
class Held:
    """The locks of this user's one server; the system lets go of them when the process ends, however that is."""

    locks: tuple[FileLock, ...]

    def release(self) -> None:
        """Let another server come."""
        for lock in reversed(self.locks):
            lock.release()


async def become_the_one(places: Places) -> Held:
    """Return the held locks of this user's one server.

    The second one, where the results are kept, still stands when the first has been cleared away with its session, or when a
    server was started from outside of one. Where a disk knows no locks it is done without.
    Raises AlreadyRunning, or CannotServe when a lock's holder neither ends nor says where it is.
    """
    private.own_folder(places.lock.parent)
    deadline = time.monotonic() + WAIT_SECONDS
    held = [await _acquired(FileLock(places.lock, mode=0o600), places, deadline)]
    try:
        private.own_folder(places.spool)
        lock = FileLock(places.spool_lock, mode=0o600, fallback_to_soft=False)
        held.append(await _acquired(lock, places, deadline))
    except CannotServe as problem:
        if problem.failure.code == LOCK_HELD:
            Held(tuple(held)).release()
            raise
        log.warning("the results are kept without a lock: %s", problem)
    except BaseException:
        Held(tuple(held)).release()
        raise
    return Held(tuple(held))


async def _acquired(lock: FileLock, places: Places, deadline: float) -> FileLock:
    while True:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            found = discovery.read(places)
            if found is not None:
                raise AlreadyRunning(found) from None
        except (OSError, NotImplementedError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise CannotServe(
                "no_lock",
                f"The file {lock.lock_file} cannot be locked: {why}.",
                "Set the folder's permissions, or name another place in SCUMBLE_HOME.",
            ) from error
        else:
            return lock
        if time.monotonic() > deadline:
            raise CannotServe(
                LOCK_HELD,
                "Another backend of yours holds the lock, but does not answer.",
                f"End that process, be it on another machine that shares the folder; the lock is {lock.lock_file}.",
            )
        await asyncio.sleep(LOOK_SECONDS)
