"""Where Scumble keeps what it keeps, per platform. `SCUMBLE_HOME` puts all of it under one folder instead."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

APP = "scumble"
HOME_VARIABLE = "SCUMBLE_HOME"
MODELS_VARIABLE = "SCUMBLE_MODELS"
LORAS_VARIABLE = "SCUMBLE_LORAS"


@dataclass(frozen=True)
class Places:
    """The folders of one user. None of them need exist yet.

    `runtime` holds what a running server says of itself, `data` the token, `models` diffusers folders, `styles` presets
    in TOML with wildcards beside them, `spool` finished results until they are taken, `logs` the log files.
    """

    runtime: Path
    data: Path
    models: Path
    styles: Path
    spool: Path
    logs: Path

    @staticmethod
    def of_user() -> Places:
        """Return this user's folders, as the environment says."""
        home = os.environ.get(HOME_VARIABLE)
        if home:
            base = Path(home).absolute()
            found = Places(base / "run", base / "data", base / "models", base / "styles", base / "spool", base / "logs")
        else:
            dirs = platformdirs.PlatformDirs(APP, appauthor=False)
            found = Places(
                _runtime(dirs),
                Path(dirs.user_data_dir),
                Path(dirs.user_data_dir) / "models",
                Path(dirs.user_config_dir) / "styles",
                Path(dirs.user_state_dir) / "spool",
                Path(dirs.user_log_dir),
            )
        models = os.environ.get(MODELS_VARIABLE)
        return replace(found, models=Path(models).absolute()) if models else found

    @property
    def loras(self) -> Path:
        """LoRAs: in the folder of models unless the environment names another place."""
        named = os.environ.get(LORAS_VARIABLE)
        return Path(named).absolute() if named else self.models / "loras"

    @property
    def wildcards(self) -> Path:
        """The painter's word lists, beside the other files that are written by hand."""
        return self.styles.parent / "wildcards"

    @property
    def discovery(self) -> Path:
        """What the running server says of itself: address, port, token, version, process."""
        return self.runtime / "server.json"

    @property
    def lock(self) -> Path:
        """Held by the one server of this user."""
        return self.runtime / "server.lock"

    @property
    def spool_lock(self) -> Path:
        """Held by the one server whose results lie there: it stays where the system clears `runtime` away at a logout."""
        return self.spool / "server.lock"

    @property
    def inboxes(self) -> Path:
        """A folder for each connection, where programs on this machine lay pixels for the server."""
        return self.runtime / "inbox"

    @property
    def token(self) -> Path:
        """The secret of this installation, mode 0600."""
        return self.data / "token"

    @property
    def backend_record(self) -> Path:
        """How the plugin starts a backend: written by `scumble install-plugin`."""
        return self.data / "backend.json"

    @property
    def plugin_log(self) -> Path:
        """The log of the plugin in Krita, which writes it itself."""
        return self.logs / "plugin.log"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.logs / "server.log"

    @property
    def worker_log(self) -> Path:
        """What the worker, and any library in it, prints."""
        return self.logs / "worker.log"


def _runtime(dirs: platformdirs.PlatformDirs) -> Path:
    """Return the folder for what lasts as long as a session; one of the user's own where the system gives none.

    A login without a session, as in a container or by `su`, has none. What platformdirs then takes, with a warning, is in
    the folder for temporary files that all users share: somebody else may have been there first, and it is swept.
    """
    own = Path(dirs.user_state_dir) / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = Path(dirs.user_runtime_dir)
        except PermissionError:
            return own
    if sys.platform in ("win32", "darwin"):
        return found
    shared = found.is_relative_to(tempfile.gettempdir())
    return found if _is_private(found.parent) and not shared else own


def _is_private(folder: Path) -> bool:
    """Whether this is a folder of this user alone, which is what the XDG specification asks of a session's."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o077
