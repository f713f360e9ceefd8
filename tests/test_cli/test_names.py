"""Names that a terminal cannot show, and names that look like markup."""

from __future__ import annotations

import dataclasses
import io
import os
import sys

import numpy as np
import pytest
from rich.console import Console

from backend.cli import main, paint, service
from backend.cli.progress import JobDisplay
from backend.cli.reach import _absolute
from backend.models import Library
from backend.pixels import files, raw
from backend.places import Places
from protocol import Bounds, Done, Extent, Models, Picture, Result

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")

EXTENT = Extent(64, 48)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def painted(monkeypatch):
    """Paint without a backend: one red picture of the job's size."""

    async def run_job(reach, make_job, keep, display, on_preview):
        models = Library(Places.of_user().models).infos()
        job, _ = make_job(models)
        red = np.zeros((job.extent.height, job.extent.width, 4), np.uint8)
        red[..., (0, 3)] = 255
        image, content = raw.to_raster(red, "rgba")
        picture = Picture(image, Bounds.of(job.extent), 7)
        keep(Result(Done(job.id, (picture,)), {image.content: content}))

    monkeypatch.setattr(paint, "run_job", run_job)


def named(folder, name: bytes):
    return folder / os.fsdecode(name)


@pytest.fixture
def picture(tmp_path):
    path = named(tmp_path, b"caf\xe9.png")
    files.save_new(np.full((EXTENT.height, EXTENT.width, 3), 90, np.uint8), path, {})
    return path


@linux
def test_picture_mask_and_output_may_have_names_that_are_no_utf8(tmp_path, painted, picture, capsys):
    mask, out = named(tmp_path, b"m\xe9.png"), named(tmp_path, b"o\xe9.png")
    white = np.full((EXTENT.height, EXTENT.width, 3), 255, np.uint8)
    files.save_new(white, mask, {})
    code = main(["fill", str(picture), "--mask", str(mask), "-o", str(out), "-p", "red"])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert said.out == f"{tmp_path}/o?.png  seed 7\n"
    assert (files.open_picture(out).pixels == (255, 0, 0)).all()


@linux
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("p\xe9.png", "-o", "o.png"), "There is no file {}/p?.png."),
        (("caf\xe9.png", "--mask", "m\xe9.png", "-o", "o.png"), "There is no file {}/m?.png."),
        (("caf\xe9.png", "--mask", "caf\xe9.png", "-o", "n\xe9/o.png"), "There is no folder {}/n?."),
        (("caf\xe9.png", "-o", "o.png", "--preview-dir", "caf\xe9.png"), "The folder {}/caf?.png cannot be made"),
        (("caf\xe9.png", "-o", "o.png", "--style", "s\xe9.toml"), "There is no style at {}/s?.toml"),
    ],
    ids=["picture", "mask", "output", "previews", "style"],
)
def test_what_is_wrong_with_such_a_name_is_told(tmp_path, painted, picture, capsys, words, says):
    paths = [word if word.startswith("-") else str(named(tmp_path, word.encode("latin-1"))) for word in words]
    assert main(["fill", *paths]) != 0
    assert says.format(tmp_path) in capsys.readouterr().err


@linux
def test_a_folder_may_have_such_a_name(tmp_path, painted, capsys):
    folder = named(tmp_path, b"d\xe9")
    folder.mkdir()
    assert main(["generate", "-o", str(folder / "o.jpg"), "-p", "red", "--preview-dir", str(folder)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/d?/o.jpg  seed 7\n"


def test_a_remark_on_such_a_file_can_be_shown():
    shown = io.TextIOWrapper(io.BytesIO(), "utf-8")
    JobDisplay(Console(file=shown)).say(f"{os.fsdecode(bytes([0xE9]))}.png has 2 pages")
    shown.flush()
    assert shown.buffer.getvalue() == b"?.png has 2 pages\n"


def test_a_name_that_looks_like_markup_is_shown_whole(monkeypatch, capsys):
    (starter,) = Library(Places.of_user().models).infos()
    dream = dataclasses.replace(starter, id="dream-[bold]", name="dream [v2]")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(service, "ask", lambda *_: Models((dream,)))
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert "dream [v2]" in said
    assert "dream-[bold]" in said


@pytest.mark.parametrize("name", ["SCUMBLE_HOME", "SCUMBLE_MODELS", "SCUMBLE_LORAS"])
def test_a_backend_that_is_started_elsewhere_is_told_the_same_folders(monkeypatch, tmp_path, name):
    monkeypatch.chdir(tmp_path)
    assert _absolute({name: "here", "OTHER": "here"}) == {name: str(tmp_path / "here"), "OTHER": "here"}
    assert _absolute({name: ""}) == {name: ""}
