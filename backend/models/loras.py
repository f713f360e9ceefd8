"""The painter's LoRAs: files in a folder, named in prompts by their names without the ending."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.families.facts import FAMILIES

from .headers import read_header
from .lora_kinds import families_of
from .problems import NotUsable

LORAS: Final = "loras"
"""The folder in the models' own that holds LoRAs unless another one is named."""

SUFFIX: Final = ".safetensors"

UNSAFE_SUFFIXES: Final = frozenset({".pt", ".pth", ".ckpt", ".bin"})
"""Of files that a painter would expect in the list, and that are pickles as a rule."""

MAX_DEPTH: Final = 4
"""Folders in each other: painters sort LoRAs by family, subject and maker."""

MAX_LOOKED_AT: Final = 10_000
"""Files and folders that one look through the folder takes in, so that a whole disk named by mistake holds up nothing."""

MOST_NAMED: Final = 12
"""LoRAs that a note lists: a line or two."""


@dataclass(frozen=True)
class LoraEntry:
    """A file: by what `name` prompts ask for it, with its sub-folders and slashes, and what it is.

    `families` are the ids of those that it may be for; empty where it cannot be used, for the reason in `problem`. `stamp`, its
    size in bytes and the time of its last change, is another one when it is another file.
    """

    name: str
    path: Path
    stamp: tuple[int, int]
    families: tuple[str, ...]
    problem: str = ""

    @property
    def made_for(self) -> str:
        """The families' names, for the painter."""
        return " or ".join(FAMILIES[family].title for family in self.families)


class NoSuchLora(Exception):
    """There is no LoRA of that name, or there are several. The text is a sentence for the painter."""


class LoraFolder:
    """The LoRAs in a folder, which need not exist. It is looked through at every question: files come and go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> tuple[LoraEntry, ...]:
        """Every LoRA by name, the unusable ones too. Reads headers only."""
        return tuple(self._look_at(name, path) for name, path in sorted(self._files().items()))

    def find(self, name: str) -> LoraEntry:
        """Return the LoRA that a prompt asks for. Raises NoSuchLora.

        Upper and lower case are the same; the sub-folder may be left out where only one has such a file.
        """
        wanted = _folded(name.replace("\\", "/").removesuffix(SUFFIX))
        files = self._files()
        fitting = [one for one in files if _folded(one) == wanted]
        if not fitting and "/" not in wanted:
            fitting = [one for one in files if _folded(one.rpartition("/")[2]) == wanted]
        if not fitting:
            raise NoSuchLora(self._missing(name, files))
        if len(fitting) > 1:
            raise NoSuchLora(
                f"There are several LoRAs called {_quoted(name)}, so none was used. Name one with its folder: {_listed(fitting)}."
            )
        return self._look_at(fitting[0], files[fitting[0]])

    def _missing(self, name: str, files: dict[str, Path]) -> str:
        missing = f"There is no LoRA called {_quoted(name)}; it was left out."
        if not files:
            return f"{missing} There are none yet: they belong into {self.folder}."
        return f"{missing} These are there: {_listed(files)}."

    def _files(self) -> dict[str, Path]:
        """Every file that may be a LoRA, by name. A sound one hides an unsafe one of the same name."""
        files: dict[str, Path] = {}
        for path in _walk(self.folder):
            name = path.relative_to(self.folder).with_suffix("").as_posix()
            if name not in files or path.suffix.lower() == SUFFIX:
                files[name] = path
        return files

    def _look_at(self, name: str, path: Path) -> LoraEntry:
        try:
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns)
            return LoraEntry(name, path, stamp, self._families(path))
        except NotUsable as problem:
            return LoraEntry(name, path, (0, 0), (), str(problem))
        except OSError:
            return LoraEntry(name, path, (0, 0), (), "It cannot be read. Look at its permissions.")

    def _families(self, path: Path) -> tuple[str, ...]:
        # a link in the folder may lead anywhere
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise NotUsable("It is a link that leads outside the folder of LoRAs. Put the file itself there.")
        if path.suffix.lower() != SUFFIX:
            raise NotUsable(
                f"It is a {path.suffix} file: loading one could run any program that somebody hid in it. Fetch its safetensors"
                " version."
            )
        return families_of(read_header(path, path.name))


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder that has a fitting ending: from the top down, links to folders not entered."""
    waiting = [(folder, 1)]
    looked_at = 0
    while waiting:
        here, depth = waiting.pop(0)
        try:
            paths = sorted(here.iterdir())
        except OSError:
            continue
        for path in paths:
            looked_at += 1
            if looked_at > MAX_LOOKED_AT:
                return
            if path.name.startswith("."):
                continue
            if path.is_dir():
                if depth < MAX_DEPTH and not path.is_symlink():
                    waiting.append((path, depth + 1))
            elif path.is_file() and path.suffix.lower() in {SUFFIX, *UNSAFE_SUFFIXES}:
                yield path


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _quoted(name: str) -> str:
    return f"'{' '.join(name.split())}'"


def _listed(names: dict[str, Path] | list[str]) -> str:
    some = sorted(names)[:MOST_NAMED]
    more = len(names) - len(some)
    return ", ".join(some) + (f" and {more} more" if more else "")
