"""How a worker is started: command, environment, and where its code is found."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import backend

WORKER = "backend.executors.worker"
"""The worker's module, by name: importing it here would be one step from importing torch."""


def worker_command(models: Path, loras: Path | None = None) -> list[str]:
    """Return the command line of a worker for the models in that folder, and the LoRAs in another one if it is named.

    `-P` keeps whatever lies in the working folder from being imported; `faulthandler` puts a crash in native code into
    the log.
    """
    folders = [str(folder.absolute()) for folder in (models, loras) if folder is not None]
    return [sys.executable, "-P", "-X", "faulthandler", "-X", "utf8", "-m", WORKER, *folders]


def worker_environment() -> dict[str, str]:
    """Return this process's environment, so changed that the worker finds the same code and stays off the network."""
    environment = dict(os.environ)
    # the worker loads models that are here; only the server downloads, checked and when asked
    environment["HF_HUB_OFFLINE"] = "1"
    environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
    root = Path(backend.__file__).parent.parent
    installed = {Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())}
    # on PYTHONPATH a site folder would stand before the standard library, and needs not be there
    if root not in installed:
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(root), inherited] if inherited else [str(root)])
    return environment


def launch(command: list[str], log: BinaryIO, folder: Path) -> subprocess.Popen[bytes]:
    """Start a worker with pipes on standard input and output, its standard error in `log`. Raises OSError."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=folder,
        env=worker_environment(),
        creationflags=flags,
    )
