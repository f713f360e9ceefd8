"""What cannot be painted gets a clear answer, at once, and nothing is written."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from backend.cli import main


@pytest.fixture
def files(tmp_path, pictures):
    """A folder with a sound picture, and with what is not."""
    folder = tmp_path / "files"
    folder.mkdir()
    pictures.write(folder / "in.png", pictures.landscape(120, 90))
    pictures.write(folder / "mask.png", pictures.spot(120, 90))
    pictures.write(folder / "black.png", np.zeros((90, 120), np.uint8))
    pictures.write(folder / "small.png", pictures.spot(60, 45))
    whole = (folder / "in.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "bad.toml").write_text("stepz = 3")
    (folder / "dir.png").mkdir()
    return folder


CASES = {
    "mask of zeros": (("in.png", "-m", "black.png"), "black everywhere", "Paint white"),
    "mask of another size": (
        ("in.png", "-m", "small.png"),
        "60 x 45 pixels, the picture 120",
        "at the picture's own size",
    ),
    "no such picture": (("none.png",), "There is no file none.png", "Check the name"),
    "no such mask": (("in.png", "-m", "none.png"), "There is no file none.png", "Check the name"),
    "no picture": (("text.png",), "not a PNG, JPEG, WebP or TIFF", "Save it as one of these"),
    "empty file": (("empty.png",), "not a PNG, JPEG, WebP or TIFF", "Save it as one of these"),
    "cut picture": (("cut.png",), "broken or cut off", "save it again"),
    "cut mask": (("in.png", "-m", "cut.png"), "broken or cut off", "save it again"),
    "a folder": (("..",), "is a folder", "Name a picture in it"),
    "mistyped style": (("in.png", "--style", "bad.toml"), "unknown key 'stepz'", "A style may have"),
    "unknown style": (("in.png", "--style", "nothing"), "There is no style", "Styles in"),
    "prompt too long": (("in.png", "-p", "x" * 20_001), "the prompt", "Change that"),
    "model name too long": (("in.png", "--model", "x" * 300), "model", "Change that"),
    "output folder missing": (("in.png", "-o", "none/out.png"), "There is no folder none", "Make it"),
    "unknown suffix": (("in.png", "-o", "out.xcf"), "does not say in which format", ".png"),
    "no suffix": (("in.png", "-o", "out"), "does not say in which format", ".png"),
    "output is a folder": (("in.png", "-o", "dir.png"), "is a folder", "Name a file"),
    "preview folder is a file": (("in.png", "--preview-dir", "in.png"), "cannot be made", "Name another one"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_is_said_before_a_backend_is_started(home, files, monkeypatch, capsys, case):
    """In this process, for speed: the command's own function, from its arguments to its exit code."""
    words, happened, remedy = CASES[case]
    before = {path: path.stat().st_mtime_ns for path in files.rglob("*")}
    output = () if "-o" in words else ("-o", "out.png")
    monkeypatch.chdir(files)
    monkeypatch.setenv("SCUMBLE_HOME", str(home.home))
    assert main(["fill", *words, *output]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert happened in said.err
    assert remedy in said.err
    assert {path: path.stat().st_mtime_ns for path in files.rglob("*")} == before
    assert not home.home.exists()


def test_a_size_that_no_picture_has_is_said(home, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(home.home))
    words = ["generate", "-o", str(tmp_path / "out.png"), "--width", "32768", "--height", "32768"]
    assert main(words) == 2
    assert "32768 x 32768 pixels is too large" in capsys.readouterr().err
    assert not home.home.exists()


@pytest.mark.parametrize("name", ["nothing", "../../etc", "/etc/passwd", "starter/../starter"])
def test_a_model_is_named_by_its_id_and_nothing_else(shared, files, monkeypatch, capsys, name):
    monkeypatch.setenv("SCUMBLE_HOME", str(shared.home))
    assert main(["fill", str(files / "in.png"), "-o", str(files / "out.png"), "--model", name]) == 2
    said = capsys.readouterr().err
    assert f"There is no model {name!r}." in said
    assert "These can be used: starter." in said
    assert not (files / "out.png").exists()


def test_the_command_itself_says_it_on_standard_error_with_the_usage_code(home, files):
    command = home.run("fill", files / "in.png", "-m", files / "black.png", "-o", files / "out.png", code=2)
    assert command.stdout == ""
    assert command.stderr.startswith("scumble: The mask ")
    assert len(command.stderr.splitlines()) == 2
    assert not home.processes()


def test_an_unknown_sampler_is_said(shared, files):
    command = shared.run("fill", files / "in.png", "-o", files / "out.png", "--sampler", "none", code=1)
    assert "none" in command.stderr
    assert "ddim" in command.stderr
    assert not (files / "out.png").exists()


def test_a_result_that_cannot_be_written_where_it_belongs_is_rescued(shared, files, monkeypatch, tmp_path, wait_until):
    """The output's folder goes while it is painted: the picture is told to be elsewhere, and is there."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.setitem(shared.environment, "TMPDIR", str(files))
    looks = tmp_path / "looks"
    command = shared.start(
        "fill", files / "in.png", "-o", gone / "out.png", "--steps", 30, "--seed", 1, "--preview-dir", looks
    )
    wait_until(lambda: list(looks.glob("*.png")), "it paints")
    gone.rmdir()
    command.wait()
    assert f"There is no folder {gone}. The result is in {files}" in command.stderr
    path, seed = re.fullmatch(r"(.+)  seed (\d+)\n", command.stdout).groups()
    assert seed == "1"
    with Image.open(path) as rescued:
        assert rescued.size == (120, 90)
