"""Whether a model's files are the ones that were shipped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from protocol import Failure

from .problems import ModelError


def verify(folder: Path, hashes: Mapping[str, str]) -> None:
    """Hold the files in a folder against their SHA-256, in lower-case hexadecimal by relative name with slashes.

    A file that is missing, changed or not in the table raises ModelError; hidden ones, which file managers leave, do not
    count.
    """
    there = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    wrong = sorted(there ^ hashes.keys())
    if not wrong:
        wrong = [name for name, expected in sorted(hashes.items()) if _hash_of(folder / name) != expected]
    if wrong:
        raise ModelError(
            Failure(
                "damaged_model",
                f"The embedded model is not as it was shipped: its file {wrong[0]} has changed.",
                "Install Scumble again.",
            )
        )


def _hash_of(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
