"""Files that only this user may read, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Final

from .problem import CannotServe

MAX_BYTES: Final = 64 * 1024
"""Of such a file: they hold a few lines."""

_OTHERS: Final = 0o077


def own_folder(folder: Path) -> None:
    """Make a folder for this user only. Raises CannotServe when it is another user's, or cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        raise CannotServe(
            "no_folder",
            f"The folder {folder} cannot be made: {error.strerror or error}.",
            "Make room or set its permissions, or name another place in SCUMBLE_HOME.",
        ) from error
    if not _is_ours(found):
        raise CannotServe(
            "foreign_folder",
            f"The folder {folder} belongs to another user.",
            "Have it removed, or name another place in SCUMBLE_HOME.",
        )


def write(path: Path, text: str) -> None:
    """Put a file in its place, mode 0600 from its first moment.

    Raises OSError, and CannotServe where the disk keeps no modes; then there is no file.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    if read(path) is None:
        # nobody would believe it: better no server than one that nobody finds
        path.unlink(missing_ok=True)
        raise CannotServe(
            "not_private",
            f"Others may read the files in {path.parent}: its disk keeps no permissions, as one in exFAT, FAT or NTFS.",
            "Name a place on another disk in SCUMBLE_HOME. The models may stay where they are: SCUMBLE_MODELS names them.",
        )


def read(path: Path) -> str | None:
    """Return the text of such a file; None when it is not there, is another user's, or others may read it."""
    try:
        # a pipe in its place must not make anybody wait
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(handle, "rb") as file:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or not _is_ours(found) or _others_may(found):
                return None
            return file.read(MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_ours(found: os.stat_result) -> bool:
    return sys.platform == "win32" or found.st_uid == os.geteuid()


def _others_may(found: os.stat_result) -> bool:
    # Windows has no such bits; there the user's own folders are closed to others
    return sys.platform != "win32" and bool(found.st_mode & _OTHERS)
