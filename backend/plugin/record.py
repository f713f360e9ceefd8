"""What the plugin reads to start this backend: which Python, and in which folder."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Final

from backend.places import Places

from .errors import CannotInstall, not_written

TRY_SECONDS: Final = 30.0
"""To start Python and import the command: a fifth of a second, many more from a cold disk."""


def this_python() -> Path:
    """Return this interpreter as it was called: within a virtual environment its own, not what that links to."""
    return Path(os.path.abspath(sys.executable))


def write_record(places: Places) -> Path:
    """Write down how this very backend is started; return the file. Raises CannotInstall when it cannot be."""
    record = places.backend_record
    folder = places.data.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try(folder)
        part = record.with_name(f".{record.name}.{secrets.token_hex(4)}")
        try:
            part.write_text(json.dumps({"python": str(this_python()), "folder": str(folder)}) + "\n", "utf-8")
            os.replace(part, record)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise not_written(record, error) from error
    return record


def remove_record(places: Places) -> bool:
    """Forget how a backend is started; return whether that was known. Raises CannotInstall."""
    try:
        places.backend_record.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise not_written(places.backend_record, error) from error
    return True


def recorded_python(places: Places) -> Path | None:
    """Return the interpreter that the plugin would start, None where none is recorded or the record is broken."""
    try:
        return Path(json.loads(places.backend_record.read_text("utf-8"))["python"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _try(folder: Path) -> None:
    """Start this Python as the plugin will, from another folder, and see that it finds the backend."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(this_python()), "-P", "-c", "import backend.cli"]
    try:
        subprocess.run(  # noqa: S603 - this interpreter
            command, cwd=folder, env=environment, capture_output=True, timeout=TRY_SECONDS, check=True
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise CannotInstall(
            "not_startable",
            f"Krita could not start this backend: {this_python()} does not find it from another folder.",
            "Install Scumble into that Python with 'pip install .', or with pipx, and run this command from there.",
        ) from error
