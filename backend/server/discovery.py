"""How the painter's side finds the running server: a file that only this user can read."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from typing import Final

import psutil

from backend.places import Places

from . import private
from .problem import CannotServe

START_TOLERANCE: Final = 60.0
"""Seconds by which a process may seem to have started earlier or later than it said: the clock may have been set since.
Far less than it takes until a process id is given out again."""

ANSWER_SECONDS: Final = 1.0
"""For the system to connect to a port of this machine. A busy server's queue takes it at once."""


@dataclass(frozen=True)
class Found:
    """A server that says it is running. `started` is when its process began, in seconds since 1970."""

    host: str
    port: int
    token: str
    version: str
    process: int
    started: float


def this_process(host: str, port: int, token: str, version: str) -> Found:
    """Return what a server in this process says of itself."""
    process = psutil.Process()
    return Found(host, port, token, version, process.pid, process.create_time())


def write(places: Places, found: Found) -> None:
    """Tell where the server is. Raises CannotServe."""
    private.own_folder(places.discovery.parent)
    try:
        private.write(places.discovery, json.dumps(asdict(found)) + "\n")
    except OSError as error:
        raise CannotServe(
            "no_discovery",
            f"The file {places.discovery} cannot be written: {error.strerror or error}.",
            "Make room on the disk or set the folder's permissions, then start again.",
        ) from error


def tell_again(places: Places, found: Found) -> Found:
    """Tell once more where the server in this process is, unless it stands there; return what it says of itself now.

    When the clock is set, a process seems to have started at another time; and at a logout the system may clear the folder
    away. What another server has told stays. Raises CannotServe.
    """
    now, told = this_process(found.host, found.port, found.token, found.version), _told(places)
    if told != now and (told is None or told.process == now.process or not lives(told)):
        write(places, now)
    return now


def remove(places: Places, found: Found) -> None:
    """Take back what `write` has told; what another server has told stays."""
    if _told(places) == found:
        places.discovery.unlink(missing_ok=True)


def read(places: Places) -> Found | None:
    """Return the running server of this user. None when there is none, or the file is what a dead one has left.

    The token is only handed out for a process that is the one which wrote it: the port may be somebody else's by now.
    """
    found = _told(places)
    return found if found is not None and lives(found) and _answers(found) else None


def _told(places: Places) -> Found | None:
    text = private.read(places.discovery)
    if text is None:
        return None
    try:
        fields = json.loads(text)
        found = Found(**{name: fields[name] for name in Found.__dataclass_fields__})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    kinds = {"host": str, "port": int, "token": str, "version": str, "process": int, "started": float}
    return found if all(type(getattr(found, name)) is kind for name, kind in kinds.items()) else None


def lives(found: Found) -> bool:
    """Return whether the process that wrote this still runs: that one, and not a later one of the same number."""
    try:
        process = psutil.Process(found.process)
        return (
            abs(process.create_time() - found.started) <= START_TOLERANCE and process.status() != psutil.STATUS_ZOMBIE
        )
    except (psutil.Error, ValueError, OverflowError):
        return False


def _answers(found: Found) -> bool:
    try:
        with socket.create_connection((found.host, found.port), ANSWER_SECONDS):
            return True
    except (OSError, OverflowError):
        return False
