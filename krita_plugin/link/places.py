"""Where the backend keeps what the plugin must find, with nothing but the standard library.

The same folders as the backend's own, which asks platformdirs; Krita's Python has no platformdirs. A test compares the two.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final

APP: Final = "scumble"
HOME_VARIABLE: Final = "SCUMBLE_HOME"


def discovery() -> Path:
    """Return the path of the file in which a running backend says where it listens. It need not exist."""
    return _runtime() / "server.json"


def backend_record() -> Path:
    """Return the path of the file in which `scumble install-plugin` says how a backend is started. It need not exist."""
    return _data() / "backend.json"


def server_log() -> Path:
    """Return the path of the backend's log. It need not exist."""
    return _logs() / "server.log"


def plugin_log() -> Path:
    """Return the path of the plugin's log, beside the backend's. It need not exist."""
    return _logs() / "plugin.log"


def plugin_keep() -> Path:
    """Return the folder in which the plugin keeps what it knows of jobs that have not ended. It need not exist."""
    return _data() / "plugin" / "jobs"


def installation_file() -> Path:
    """Return the path of the file with the name under which the plugin's jobs belong together. It need not exist."""
    return _data() / "plugin" / "installation"


def _runtime() -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).absolute() / "run"
    if sys.platform == "win32":
        return _local_app_data() / "Temp" / APP
    named = _xdg("XDG_RUNTIME_DIR")
    if sys.platform == "darwin":
        return (named if named and _is_private(named) else Path.home() / "Library/Caches/TemporaryItems") / APP
    for folder in (named, Path(f"/run/user/{os.geteuid()}")):
        if folder is not None and _is_private(folder) and not _is_exposed(folder):
            # the folder for temporary files is everybody's, and is swept
            return _state() / "run" if folder.is_relative_to(tempfile.gettempdir()) else folder / APP
    return _state() / "run"


def _data() -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).absolute() / "data"
    if sys.platform == "win32":
        return _local_app_data() / APP
    default = "Library/Application Support" if sys.platform == "darwin" else ".local/share"
    return (_xdg("XDG_DATA_HOME") or Path.home() / default) / APP


def _logs() -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).absolute() / "logs"
    if sys.platform == "win32":
        return _data() / "Logs"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Logs" / APP
    return _state() / "log"


def _state() -> Path:
    return (_xdg("XDG_STATE_HOME") or Path.home() / ".local/state") / APP


def _local_app_data() -> Path:
    named = os.environ.get("LOCALAPPDATA")
    return Path(named) if named else Path.home() / "AppData" / "Local"


def _xdg(variable: str) -> Path | None:
    named = os.environ.get(variable, "")
    return Path(named) if named.startswith("/") else None


def _is_private(folder: Path) -> bool:
    """Return whether this is a folder, no link, of this user alone: what the XDG specification asks for."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and found.st_mode & 0o777 == 0o700


def _is_exposed(folder: Path) -> bool:
    """Return whether another user could put something else in this folder's place."""
    shared = False
    for parent in reversed(folder.parents):
        try:
            if shared and os.lstat(parent).st_uid not in (0, os.geteuid()):
                return True
            mode = parent.stat().st_mode
        except OSError:
            return False
        shared = bool(mode & stat.S_IWOTH)
        if shared and not mode & stat.S_ISVTX:
            return True
    return False
