"""The name under which this user's jobs belong together, through every start of Krita."""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path
from typing import Final

from . import places

log = logging.getLogger(__name__)

NAME_BYTES: Final = 16
"""Of chance, written as hexadecimal digits: no two installations have the same by accident."""


def installation(path: Path | None = None) -> str:
    """Return the name, 32 hexadecimal digits; made and kept at the first call.

    Where it cannot be kept, it is good for this run of Krita only, and the log says so. Never an error.
    """
    path = path or places.installation_file()
    try:
        return _kept(path) or _make(path)
    except OSError as error:
        log.warning("the name of this installation cannot be kept in %s: %s", path, error)
        return secrets.token_hex(NAME_BYTES)


def _kept(path: Path) -> str:
    try:
        with path.open("rb") as file:
            name = file.read(2 * NAME_BYTES + 2).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return ""
    return name if re.fullmatch(f"[0-9a-f]{{{2 * NAME_BYTES}}}", name) else ""


def _make(path: Path) -> str:
    name = secrets.token_hex(NAME_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # jobs are fetched by it: nobody else's to read
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(name + "\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return name
