"""The server's log file. No prompt, no token and no picture is ever written to it."""

from __future__ import annotations

import contextlib
import io
import logging
import logging.handlers
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from . import private

LOG_BYTES: Final = 2 * 1024 * 1024
"""Of one file: some ten thousand jobs."""

OLD_LOGS: Final = 2
"""Files that are kept besides the current one."""


class _PrivateRotatingFile(logging.handlers.RotatingFileHandler):
    """For this user's eyes: file names tell what somebody works on."""

    def _open(self) -> io.TextIOWrapper:
        def opener(path: str, flags: int) -> int:
            return os.open(path, flags, 0o600)

        return cast(
            "io.TextIOWrapper",
            open(self.baseFilename, self.mode, encoding="utf-8", errors="backslashreplace", opener=opener),
        )


@contextlib.contextmanager
def logging_to(path: Path, level: int = logging.INFO) -> Iterator[None]:
    """Write what this process logs to a file, until the context ends. Raises CannotServe when its folder cannot be made."""
    private.own_folder(path.parent)
    handler = _PrivateRotatingFile(path, maxBytes=LOG_BYTES, backupCount=OLD_LOGS)
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root, ours = logging.getLogger(), logging.getLogger("backend")
    before = ours.level
    root.addHandler(handler)
    ours.setLevel(level)
    try:
        yield
    finally:
        ours.setLevel(before)
        root.removeHandler(handler)
        handler.close()
