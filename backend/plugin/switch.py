"""The line in kritarc that switches the plugin on. All else in that file stays, to the byte."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Final

from .errors import not_written

GROUP: Final = b"[python]"
KEY: Final = b"enable_scumble"
ON: Final = b"true"


def is_on(settings: bytes) -> bool:
    """Return whether settings of Krita have the plugin switched on."""
    lines = settings.splitlines(keepends=True)
    return any(lines[at].partition(b"=")[2].strip() == ON for at in _entries(lines))


def switched_on(settings: bytes) -> bytes:
    """Return the settings with the plugin switched on."""
    lines = settings.splitlines(keepends=True)
    end = b"\r\n" if b"\r\n" in settings else b"\n"
    entries = list(_entries(lines))
    if entries:
        for at in entries:
            lines[at] = KEY + b"=" + ON + _end_of(lines[at])
        return b"".join(lines)
    for at, line in enumerate(lines):
        if line.strip() == GROUP:
            lines[at] = line if _end_of(line) else line + end
            lines.insert(at + 1, KEY + b"=" + ON + end)
            return b"".join(lines)
    if lines and not _end_of(lines[-1]):
        lines[-1] += end
    if lines and lines[-1].strip():
        lines.append(end)
    return b"".join([*lines, GROUP + end, KEY + b"=" + ON + end])


def switched_off(settings: bytes) -> bytes:
    """Return the settings without the plugin's line."""
    lines = settings.splitlines(keepends=True)
    gone = set(_entries(lines))
    return b"".join(line for at, line in enumerate(lines) if at not in gone)


def switch(config: Path, on: bool) -> bool:
    """Switch the plugin on or off in a kritarc; return whether that changed the file. Raises CannotInstall."""
    # the file may be a link to where somebody keeps all settings
    config = config.resolve()
    try:
        before = config.read_bytes() if config.exists() else b""
        after = switched_on(before) if on else switched_off(before)
        if after == before:
            return False
        _replace(config, after)
    except OSError as error:
        raise not_written(config, error) from error
    return True


def _entries(lines: list[bytes]) -> list[int]:
    found, group = [], b""
    for at, line in enumerate(lines):
        if re.match(rb"\s*\[", line):
            group = line.strip()
        elif group == GROUP and line.partition(b"=")[0].strip() == KEY:
            found.append(at)
    return found


def _end_of(line: bytes) -> bytes:
    return line[len(line.rstrip(b"\r\n")) :]


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        part.chmod(mode)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
