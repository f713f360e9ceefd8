"""Where results go, and what becomes of one that cannot be written there."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from backend.cli.problem import Problem, bad_input, unusable
from backend.pixels import files, raw
from protocol import Failure, Picture, PreviewPicture, Raster


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


class Previews:
    """Looks at the unfinished picture, each in a file of its own in `folder`; None keeps none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def keep(self, preview: PreviewPicture) -> str:
        """Write one. Returns a remark when that did not go, and writes no more: the picture itself is worth going on for."""
        if self._folder is None:
            return ""
        path = self._folder / f"preview-{preview.preview.picture + 1}-{preview.preview.step:04}.png"
        try:
            files.save_new(raw.unpack(preview.preview.image, preview.data), path, {})
        except files.PictureError as error:
            self._folder = None
            return f"{error.happened} No more previews are written."
        return ""


def open_previews(folder: Path | None) -> Previews:
    """Make the folder for previews, if one is wanted. Raises Problem."""
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise bad_input(
                "bad_folder", f"The folder {folder} cannot be made: {error.strerror}.", "Name another one for previews."
            ) from error
    return Previews(folder)


def numbered(path: Path, index: int, count: int) -> Path:
    """Return where picture `index` of `count` goes: the path itself for one, else with -1, -2, ... before the suffix."""
    return path if count == 1 else path.with_name(f"{path.stem}-{index + 1}{path.suffix}")


def files_of(pictures: Sequence[Picture], output: Path) -> Iterator[tuple[Picture, Raster, Path]]:
    """Yield what is written of each picture, and where: itself, or each of its layers where it was taken apart."""
    for index, picture in enumerate(pictures):
        path = numbered(output, index, len(pictures))
        written = picture.layers or (picture.image,)
        yield from ((picture, raster, numbered(path, at, len(written))) for at, raster in enumerate(written))


def write_or_rescue(write: Callable[[Path], list[str]], path: Path) -> tuple[Path, list[str]]:
    """Write a result; where that fails, write it into the folder for temporary files instead.

    Returns the path and remarks for the painter. Raises Problem when neither can be written.
    """
    try:
        return path, write(path)
    except files.PictureError as error:
        try:
            # a folder of its own: in the shared one a name that can be guessed may be a trap
            rescue = Path(tempfile.mkdtemp(prefix="scumble-")) / f"{path.stem}.png"
            remarks = write(rescue)
        except OSError as second:
            raise Problem(Failure("not_written", error.happened, error.remedy)) from second
        except files.PictureError as second:
            raise Problem(Failure("not_written", f"{error.happened} {second.happened}", second.remedy)) from error
        return rescue, [f"{error.happened} The result is in {rescue} instead.", *remarks]
