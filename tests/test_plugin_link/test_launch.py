"""The backend as Krita starts it: which command, in which environment. That it comes up is seen in `backends_under_qt.py`."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from krita_plugin.link import launch

APPDIR = "/tmp/.mount_krita"

# What Krita's AppImage sets, beside what a desktop does.
APPIMAGE = {
    "APPDIR": APPDIR,
    "APPIMAGE": "/home/ana/krita.appimage",
    "ARGV0": "krita.appimage",
    "OWD": "/home/ana",
    "LD_LIBRARY_PATH": f"{APPDIR}/usr/lib:{APPDIR}/usr/lib/x86_64-linux-gnu",
    "PYTHONHOME": f"{APPDIR}/usr",
    "PYTHONPATH": f"{APPDIR}/usr/sip",
    "QT_PLUGIN_PATH": f"{APPDIR}/usr/plugins",
    "QML2_IMPORT_PATH": f"{APPDIR}/usr/qml",
    "GST_PLUGIN_PATH": f"{APPDIR}/usr/lib/gstreamer-1.0",
    "PATH": f"{APPDIR}/usr/bin:/usr/local/bin:/usr/bin:{APPDIR}/usr/sbin",
    "XDG_DATA_DIRS": f"{APPDIR}/usr/share:/usr/share",
    "HOME": "/home/ana",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "SCUMBLE_HOME": "/home/ana/scumble",
    "CUDA_VISIBLE_DEVICES": "0",
    "LANG": "de_DE.UTF-8",
}


def test_what_is_krita_s_own_does_not_reach_the_backend():
    assert launch.cleaned(APPIMAGE) == {
        "PATH": "/usr/local/bin:/usr/bin",
        "XDG_DATA_DIRS": "/usr/share",
        "HOME": "/home/ana",
        "XDG_RUNTIME_DIR": "/run/user/1000",
        "SCUMBLE_HOME": "/home/ana/scumble",
        "CUDA_VISIBLE_DEVICES": "0",
        "LANG": "de_DE.UTF-8",
    }


def test_without_an_appimage_the_path_stays():
    assert launch.cleaned({"PATH": "/usr/bin::/bin"}) == {"PATH": "/usr/bin::/bin"}


@pytest.fixture
def witness(tmp_path):
    """A record whose interpreter writes down how it was started."""
    program = tmp_path / "witness"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        "json.dump({'arguments': sys.argv[1:], 'folder': os.getcwd(), 'environment': dict(os.environ),"
        " 'session': os.getsid(0)}, open('seen.part', 'w'))\nos.rename('seen.part', 'seen')\nsys.exit(3)\n"
    )
    program.chmod(0o755)
    (tmp_path / "work").mkdir()
    return launch.Record(program, tmp_path / "work")


@pytest.mark.skipif(sys.platform == "win32", reason="a script with a first line that names its interpreter")
def test_how_it_is_started(witness):
    # what would keep the witness itself from running is put in, too
    started = launch.start(witness, {**os.environ, **APPIMAGE, "PATH": os.environ["PATH"]})
    started._process.wait(20)
    seen = json.loads((witness.folder / "seen").read_text())
    assert seen["arguments"] == ["-P", "-m", "backend.cli", "serve", "--idle", str(launch.IDLE_SECONDS)]
    assert Path(seen["folder"]) == witness.folder
    assert seen["session"] == started._process.pid
    assert not [name for name in seen["environment"] if name in APPIMAGE and name.startswith(("PYTHON", "LD_", "APP"))]
    assert started.ended
    assert started.gone
    started.settle()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_its_last_words_are_told(tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nhead -c 5000 /dev/zero | tr '\\0' x >&2\necho 'there is no room' >&2\nexit 1\n")
    program.chmod(0o755)
    started = launch.start(launch.Record(program, tmp_path), os.environ)
    started._process.wait(20)
    failure = started.failure()
    started.settle()
    assert failure.happened.endswith("there is no room")
    assert len(failure.happened) < 2100


def test_a_record_is_read(tmp_path):
    path = tmp_path / "backend.json"
    path.write_text(json.dumps({"python": str(tmp_path / "bin" / "python"), "folder": str(tmp_path), "later": 1}))
    assert launch.read_record(path) == launch.Record(tmp_path / "bin" / "python", tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"python": "/a"}', '{"python": 1, "folder": "/"}', '{"python": "a", "folder": "/"}', "[" * 9999],
)
def test_a_broken_record_says_what_to_do(tmp_path, text):
    path = tmp_path / "backend.json"
    path.write_text(text)
    with pytest.raises(launch.CannotStart) as raised:
        launch.read_record(path)
    assert raised.value.failure.code == "bad_record"
    assert "install-plugin" in raised.value.failure.remedy


def test_no_record_says_what_to_do(tmp_path):
    with pytest.raises(launch.CannotStart) as raised:
        launch.read_record(tmp_path / "backend.json")
    assert raised.value.failure.code == "not_recorded"


def test_no_folder_to_work_in(tmp_path):
    with pytest.raises(launch.CannotStart) as raised:
        launch.start(launch.Record(Path(sys.executable), tmp_path / "nothing"), os.environ)
    assert raised.value.failure.code == "not_startable"


NO_TEXT = "h\udce8me"
"""A folder's name as Python reads one that is no UTF-8."""


@pytest.mark.parametrize("text", ["no JSON", '{"python": "python", "folder": "/"}'])
def test_a_record_in_a_folder_whose_name_is_no_text_is_told_of_all_the_same(tmp_path, text):
    path = tmp_path / NO_TEXT / "backend.json"
    try:
        path.parent.mkdir()
    except (OSError, UnicodeError):
        pytest.skip("no such names on this disk")
    path.write_text(text)
    with pytest.raises(launch.CannotStart) as raised:
        launch.read_record(path)
    assert f"{tmp_path}/h?me/backend.json" in raised.value.failure.happened


def test_so_is_a_python_there_that_does_not_start_and_the_log_of_one_that_did_not(tmp_path, monkeypatch):
    with pytest.raises(launch.CannotStart) as raised:
        launch.start(launch.Record(tmp_path / NO_TEXT / "python", tmp_path), os.environ)
    assert "h?me/python does not start" in raised.value.failure.happened.replace("\\", "/")
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / NO_TEXT))
    with io.BytesIO(b"It broke.") as words:
        failure = launch.Started(None, words).failure()
    assert "h?me" in failure.remedy
