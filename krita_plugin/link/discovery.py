"""Finds the running backend: reads the file in which it says where it listens."""

from __future__ import annotations

import json
import math
import os
import stat
import string
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from . import places
from .process import may_live

MAX_BYTES: Final = 64 * 1024
"""Of the file: it holds a few lines."""

MAX_TOKEN_CHARS: Final = 512
"""The backend's own has 64; an HTTP header may have a few thousand."""

LOOPBACK: Final = ("127.0.0.1", "::1")
"""The token never leaves this machine, whatever the file says."""

_TOKEN_CHARS: Final = frozenset(string.ascii_letters + string.digits + "-._~+/=")
_OTHERS: Final = 0o077


@dataclass(frozen=True)
class Found:
    """A backend that says it is running. `port` is 1 to 65535, `started` in seconds since 1970."""

    host: str
    port: int
    token: str
    version: str
    process: int
    started: float

    @property
    def url(self) -> str:
        """Where to open a websocket."""
        return f"ws://[{self.host}]:{self.port}/" if ":" in self.host else f"ws://{self.host}:{self.port}/"


def find(path: Path | None = None) -> Found | None:
    """Return the running backend of this user, or None: there is no file, or it is what a dead one has left.

    Reads a small file, and connects to nothing.
    """
    text = _read(path or places.discovery())
    found = _parse(text) if text is not None else None
    return found if found is not None and may_live(found.process, found.started) else None


def _read(path: Path) -> str | None:
    """Return the file's text; None when it is not there, is another user's, is too large, or others may read it."""
    # never through a link, and never waiting for the other end of a pipe
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or not _is_ours_alone(status):
                return None
            data = file.read(MAX_BYTES + 1)
            return data.decode("utf-8") if len(data) <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None


def _is_ours_alone(status: os.stat_result) -> bool:
    # Windows has no such bits; there the user's own folders are closed to others
    return sys.platform == "win32" or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS)


def _parse(text: str) -> Found | None:
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if type(plain) is not dict:
        return None
    kinds = {"host": str, "port": int, "token": str, "version": str, "process": int, "started": float}
    if any(type(plain.get(field.name)) is not kinds[field.name] for field in fields(Found)):
        return None
    found = Found(**{name: plain[name] for name in kinds})
    return found if _is_sound(found) else None


def _is_sound(found: Found) -> bool:
    return (
        found.host in LOOPBACK
        and 1 <= found.port <= 65535
        and 1 <= len(found.token) <= MAX_TOKEN_CHARS
        and _TOKEN_CHARS.issuperset(found.token)
        and 0 < found.process < 2**32
        and math.isfinite(found.started)
    )
