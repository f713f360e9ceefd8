"""Where results go, and what becomes of one that cannot be written there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from backend.cli.problem import Problem, unusable
from backend.pixels import files
from protocol import Failure


def check_output(path: Path, canvas: files.PictureFile | None = None) -> list[str]:
    """Look before painting whether a result can be written there, for `fill` the painted canvas.

    Returns remarks for the painter. Raises Problem.
    """
    try:
        if canvas is not None:
            return files.check_target(canvas, path)
        files.check_folder(path)
    except files.PictureError as error:
        raise unusable(error.failure) from error
    return []


def numbered(path: Path, index: int, count: int) -> Path:
    """Return where picture `index` of `count` goes: the path itself for one, else with -1, -2, ... before the suffix."""
    return path if count == 1 else path.with_name(f"{path.stem}-{index + 1}{path.suffix}")


def write_or_rescue(write: Callable[[Path], list[str]], path: Path) -> tuple[Path, list[str]]:
    """Write a result; where that fails, write it into the folder for temporary files instead.

    Returns the path and remarks for the painter. Raises Problem when neither can be written.
    """
    try:
        return path, write(path)
    except files.PictureError as error:
        rescue = Path(tempfile.gettempdir()) / f"scumble-{path.stem}.png"
        try:
            remarks = write(rescue)
        except files.PictureError as second:
            raise Problem(Failure("not_written", f"{error.happened} {second.happened}", second.remedy)) from error
        return rescue, [f"{error.happened} The result is in {rescue} instead.", *remarks]
