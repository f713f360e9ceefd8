"""Starts the backend that `scumble install-plugin` has recorded, from inside Krita."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ..bundled import protocol
from . import places

IDLE_SECONDS: Final = 60
"""A backend that Krita started stops after so long without clients and jobs. The link is a client for as long as Krita runs:
so the backend goes soon after Krita, however Krita ended, and not while somebody else uses it. A Krita that is started
again, which takes it up to 20 s, finds its model still loaded; one that is not, has its memory back within a minute."""

MAX_RECORD_BYTES: Final = 64 * 1024
"""Of the record: it holds two paths."""

MAX_LAST_WORDS: Final = 2000
"""Characters of what a backend that did not start has said: its two sentences, or the end of a traceback."""

FOREIGN_PREFIXES: Final = ("PYTHON", "QT_", "QML", "GST_", "DYLD_")
"""Variables that are meant for Krita. PYTHON: home, path and flags of the Python inside Krita, with which another one does
not even start. QT_, QML and GST_: Krita's own plugins, which other builds of the libraries load and crash. DYLD_: the same on macOS."""

FOREIGN_NAMES: Final = frozenset(
    {
        # an AppImage's own libraries would take the place of the system's, in torch as well
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        # which AppImage this is: where another one is started, it takes it for itself
        "APPDIR",
        "APPIMAGE",
        "APPRUN_DIR",
        "ARGV0",
        "OWD",
        # certificates and fonts at paths that are gone once Krita has quit
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "FONTCONFIG_FILE",
        "FONTCONFIG_PATH",
        # whichever environment Krita was started from, the recorded interpreter has its own
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "__PYVENV_LAUNCHER__",
    }
)
"""More variables that are meant for Krita, and what they would do in the backend."""

LIST_NAMES: Final = ("PATH", "XDG_DATA_DIRS", "XDG_CONFIG_DIRS")
"""Lists of folders, from which only those inside the AppImage are taken out."""


@dataclass(frozen=True)
class Record:
    """How to start the backend: an absolute path of its Python interpreter, and of the folder in which it is to work."""

    python: Path
    folder: Path


class CannotStart(Exception):
    """The backend was not started; `failure` tells the painter why and what to do."""

    def __init__(self, failure: protocol.Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure


class Started:
    """A backend that was started by this process. It outlives it."""

    def __init__(self, process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
        self._process = process
        self._words = words

    @property
    def ended(self) -> bool:
        """Whether it has ended, but for one that only found another running already. Asking also buries it."""
        return self._process.poll() not in (None, 0)

    @property
    def gone(self) -> bool:
        """Whether the process is not there any more, however it ended."""
        return self._process.poll() is not None

    def settle(self) -> None:
        """It has started, or is given up: what else it says is not read."""
        self._words.close()

    def failure(self) -> protocol.Failure:
        """Return why it did not start, in its own last words. Not after `settle`."""
        self._words.seek(0)
        words = self._words.read().decode("utf-8", "replace").replace("\x00", "").strip()[-MAX_LAST_WORDS:]
        return protocol.Failure(
            "not_started",
            "The backend did not start" + (f": {words}" if words else "."),
            protocol.carriable(
                f"If that does not help, look at the end of its log {places.server_log()}, and at 'scumble doctor'."
            ),
        )


def read_record(path: Path | None = None) -> Record:
    """Return what `scumble install-plugin` has written: a JSON object with the texts `python` and `folder`.

    Raises CannotStart.
    """
    path = path or places.backend_record()
    try:
        with path.open("rb") as file:
            plain = json.loads(file.read(MAX_RECORD_BYTES + 1).decode("utf-8"))
        record = Record(Path(plain["python"]), Path(plain["folder"]))
    except FileNotFoundError:
        raise CannotStart(
            _failure("not_recorded", "This plugin does not know yet where Scumble's backend is installed.")
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CannotStart(
            _failure("bad_record", f"The file {path}, which says where the backend is, cannot be read: {error}.")
        ) from error
    if not (record.python.is_absolute() and record.folder.is_absolute()):
        raise CannotStart(_failure("bad_record", f"The file {path} does not name the backend by a whole path."))
    return record


def start(record: Record, environment: Mapping[str, str]) -> Started:
    """Start the backend so that it outlives Krita. Returns at once; the backend listens about a second later.

    May take a moment on Windows, where a virus scanner looks first: not for Krita's main thread. Raises CannotStart.
    """
    command = [str(record.python), "-P", "-m", "backend.cli", "serve", "--idle", str(IDLE_SECONDS)]
    flags, quiet = 0, subprocess.DEVNULL
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    # a file, not a pipe: it is still there when the backend outlives Krita
    words = tempfile.TemporaryFile()  # noqa: SIM115 - read when the backend does not come up
    try:
        process = subprocess.Popen(  # noqa: S603 - the recorded interpreter, and arguments of our own
            command,
            stdin=quiet,
            stdout=quiet,
            stderr=words,
            cwd=record.folder,
            env=cleaned(environment),
            creationflags=flags,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        words.close()
        raise CannotStart(
            _failure("not_startable", f"The backend's Python {record.python} does not start: {error}.")
        ) from error
    return Started(process, words)


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without what is meant for Krita alone."""
    inside = environment.get("APPDIR", "")
    kept = {
        name: value
        for name, value in environment.items()
        if name not in FOREIGN_NAMES and not name.upper().startswith(FOREIGN_PREFIXES)
    }
    for name in LIST_NAMES:
        if inside and name in kept:
            folders = [folder for folder in kept[name].split(os.pathsep) if not _is_inside(folder, inside)]
            kept[name] = os.pathsep.join(folders)
    return kept


def _is_inside(folder: str, other: str) -> bool:
    return bool(folder) and Path(folder).is_relative_to(other)


def _failure(code: str, happened: str) -> protocol.Failure:
    return protocol.Failure(
        code,
        protocol.carriable(happened),
        "Run 'scumble install-plugin' in a terminal once more, or start the backend there with 'scumble serve'.",
    )
