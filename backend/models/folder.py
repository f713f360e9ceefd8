"""A model's folder, read with suspicion: nothing outside the library, nothing endless, nothing but strict JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from protocol import DecodeError, from_plain

from .problems import NotUsable

T = TypeVar("T")

MAX_CONFIG_BYTES: Final = 4 * 1024 * 1024
"""Of a configuration file. The largest that models carry, an index of shards, is some hundred KiB."""

FETCH_AGAIN: Final = "Fetch the model again."


@dataclass(frozen=True)
class ModelFolder:
    """One model's folder at `path`, inside the library's `root`; both resolved. Names are relative, with slashes."""

    path: Path
    root: Path

    def has(self, name: str) -> bool:
        """Whether there is such a file or folder, whatever it is; also when it leads outside or nowhere."""
        path = self.path / name
        return path.exists() or path.is_symlink()

    def file(self, name: str) -> Path:
        """Return the real place of a file. Raises NotUsable when there is none, or it lies outside the library."""
        try:
            real = (self.path / name).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise NotUsable(f"Its file {name} is missing. {FETCH_AGAIN}") from error
        if not real.is_relative_to(self.root):
            raise NotUsable(
                f"Its file {name} leads outside the folder of models. Put the file itself there, not a link to it."
            )
        if not real.is_file():
            raise NotUsable(f"Its {name} is no file. {FETCH_AGAIN}")
        return real

    def read_object(self, name: str) -> dict[str, Any]:
        """Return the JSON object in a file. Raises NotUsable for anything else."""
        path = self.file(name)
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_CONFIG_BYTES + 1)
        except OSError as error:
            raise NotUsable(f"Its file {name} cannot be read. Look at the file's permissions.") from error
        if len(content) > MAX_CONFIG_BYTES:
            raise NotUsable(f"Its file {name} is larger than any configuration. {FETCH_AGAIN}")
        try:
            return strict_object(content)
        except ValueError as error:
            raise NotUsable(f"Its file {name} is damaged ({error}). {FETCH_AGAIN}") from error

    def read(self, cls: type[T], name: str) -> T:
        """Return the part of a configuration file that `cls` names; what is absent has its default.

        Raises NotUsable when a value is of another type than its field.
        """
        return as_value(cls, self.read_object(name), name)


def as_value(cls: type[T], plain: dict[str, Any], name: str) -> T:
    """Return `cls` made of a configuration; `name` says in the text of NotUsable where it stood."""
    try:
        return from_plain(cls, plain)
    except DecodeError as error:
        raise NotUsable(f"Its file {name} says something unexpected: {error}. {FETCH_AGAIN}") from error


def strict_object(content: bytes) -> dict[str, Any]:
    """Return the JSON object in these bytes.

    Raises ValueError when they are none: not UTF-8, no object, a name twice, numbers that JSON does not know, too deep.
    """
    try:
        plain = json.loads(content.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins)
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if type(plain) is not dict:
        raise ValueError("it is no JSON object")
    return plain


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("it names something twice")
    return fields
