"""A folder of wildcards: plain text files of one choice per line.

``__colours__`` names ``colours.txt`` in the folder, ``__animals/birds__`` ``animals/birds.txt``. Files are UTF-8; empty lines
and what follows a ``#`` are left out.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from .comments import without_comments
from .shown import shown

SUFFIX: Final = ".txt"

MAX_FILE_BYTES: Final = 1024 * 1024
"""One file. The longest lists that painters share, of all artists there are, have some hundred KiB."""

MAX_FILES: Final = 1000
"""Files that one job reads: as many as it may draw words."""


class NoWildcard(Exception):
    """There are no choices of that name. The text is a sentence for the painter."""


class WildcardFolder:
    """The wildcards in a folder, which need not exist. To be made anew for each job: what is read once stays the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[str, ...] | NoWildcard] = {}

    def choices(self, name: str) -> tuple[str, ...]:
        """Return the choices of a wildcard; at least one. Raises NoWildcard."""
        if name not in self._read:
            if len(self._read) >= MAX_FILES:
                raise NoWildcard(f"A prompt may use {MAX_FILES} wildcards, so the others were taken as they stand.")
            try:
                self._read[name] = self._choices(name)
            except NoWildcard as missing:
                self._read[name] = missing
        found = self._read[name]
        if isinstance(found, NoWildcard):
            raise found
        return found

    def _choices(self, name: str) -> tuple[str, ...]:
        path = self._path(name)
        try:
            text = _content(path, name).decode("utf-8-sig")
        except FileNotFoundError:
            raise _missing(name, f"there is no {name}{SUFFIX} in {self._folder}") from None
        except UnicodeDecodeError:
            raise _missing(name, "its file is no text in UTF-8") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            raise _missing(name, f"its file cannot be read: {reason or error}") from error
        lines = tuple(line for line in map(str.strip, without_comments(text).splitlines()) if line)
        if not lines:
            raise _missing(name, "its file is empty")
        return lines

    def _path(self, name: str) -> Path:
        """Return where the file of a name lies. Raises NoWildcard where that is not in the folder."""
        parts = name.split("/")
        if "\\" in name or any(not part.strip(". ") for part in parts):
            raise _missing(name, "that is no name of a file")
        path = self._folder.joinpath(*parts[:-1], parts[-1] + SUFFIX)
        # a link in the folder may lead anywhere
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self._folder)):
            raise _missing(name, "its file lies outside the folder of wildcards")
        return path


def no_wildcards(name: str) -> tuple[str, ...]:
    """Raise NoWildcard for every name: where there is no folder."""
    raise _missing(name, "there is no folder of wildcards")


def _missing(name: str, why: str) -> NoWildcard:
    return NoWildcard(f"The wildcard {shown(f'__{name}__')} was taken as it stands: {why}.")


def _content(path: Path, name: str) -> bytes:
    # a pipe in its place must not make anybody wait
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _missing(name, "that is no file")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise _missing(name, f"its file is larger than {MAX_FILE_BYTES // 1024} KiB")
    return content
