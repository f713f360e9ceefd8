"""The worker's log: where everything goes that it, or a library in it, prints."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

MAX_LOG_BYTES: Final = 4 * 1024 * 1024
"""A longer log is set aside when a worker starts, and the one set aside before goes: two such files at most."""

TAIL_BYTES: Final = 8 * 1024
"""How far back the last lines are looked for. A traceback through torch is about 4 KiB."""


@dataclass(frozen=True)
class WorkerLog:
    """The part of the log that one worker writes: `path`, from byte `offset` on."""

    path: Path
    offset: int

    @staticmethod
    def begin(path: Path) -> tuple[WorkerLog, BinaryIO]:
        """Open the log to append to, for this user's eyes; its folder is made when missing. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            if path.stat().st_size > MAX_LOG_BYTES:
                os.replace(path, path.with_name(f"{path.name}.1"))
        stream = open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115 - the caller closes it
        return WorkerLog(path, stream.tell()), stream

    def last_line(self) -> str:
        """Return the last line that is not blank, as of an error's own text; "" when nothing was written."""
        try:
            with self.path.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(self.offset, size - TAIL_BYTES))
                text = stream.read(TAIL_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1].replace("\x00", "") if lines else ""
