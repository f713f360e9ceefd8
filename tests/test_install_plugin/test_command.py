"""`scumble install-plugin` and `uninstall-plugin`, as a painter types them."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from backend.cli import doctor, main
from backend.cli import plugin as command
from backend.places import Places
from backend.plugin import find_kritas, read_bundle
from krita_plugin.link import launch, places

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the folders of a Linux user")


@pytest.fixture(autouse=True)
def no_krita_runs(monkeypatch):
    monkeypatch.setattr(command, "krita_runs", lambda: False)


@pytest.fixture
def resources(home):
    return home / ".local/share/krita"


def test_the_plugin_finds_this_backend(resources, capsys):
    assert main(["install-plugin"]) == 0
    said = capsys.readouterr().out
    assert str(resources) in said
    assert "Start Krita" in said
    record = launch.read_record(places.backend_record())
    # the environment's own, not what it links to: that one has none of its packages
    assert str(record.python) == sys.executable
    assert record.folder.is_dir()
    ran = subprocess.run(
        [record.python, "-P", "-m", "backend.cli", "--version"], cwd=record.folder, capture_output=True, check=True
    )
    assert ran.stdout.startswith(b"scumble ")


def test_in_twice_and_out_twice(resources, home, capsys):
    for words in (["install-plugin"], ["install-plugin", "--link"], ["install-plugin"]):
        assert main(words) == 0
        assert (resources / "pykrita/scumble/__init__.py").is_file()
    for _ in range(2):
        assert main(["uninstall-plugin"]) == 0
        assert not [path for path in resources.rglob("*") if path.is_file()]
        assert not places.backend_record().exists()
    assert b"scumble" not in (home / ".config/kritarc").read_bytes()


def test_a_chosen_folder_and_nothing_else(resources, home):
    assert main(["install-plugin", "--krita-resources", str(home / "mine")]) == 0
    assert (home / "mine/pykrita/scumble.desktop").is_file()
    assert not resources.exists()
    assert main(["uninstall-plugin", "--krita-resources", str(home / "mine")]) == 0
    assert not (home / "mine/pykrita/scumble").exists()
    # another Krita may still start this backend
    assert places.backend_record().exists()


def test_only_a_zip(tmp_path, home, capsys):
    assert main(["install-plugin", "--zip", str(tmp_path / "s.zip")]) == 0
    assert zipfile.ZipFile(tmp_path / "s.zip").testzip() is None
    assert "Import Python Plugin" in capsys.readouterr().out
    assert list(home.iterdir()) == []


def test_a_zip_that_cannot_be_written(tmp_path, capsys):
    assert main(["install-plugin", "--zip", str(tmp_path / "none" / "s.zip")]) == 1
    assert "Name another file." in capsys.readouterr().err


def test_a_running_krita_is_told_of(monkeypatch, capsys):
    monkeypatch.setattr(command, "krita_runs", lambda: True)
    assert main(["install-plugin"]) == 0
    assert "Krita is running. Close it" in capsys.readouterr().out
    assert main(["uninstall-plugin"]) == 0
    assert "until it is closed" in capsys.readouterr().out


def test_sandboxes_and_another_home_are_told_of(home, monkeypatch, capsys):
    (home / ".var/app/org.kde.krita/data").mkdir(parents=True)
    monkeypatch.setenv("SCUMBLE_HOME", str(home / "s"))
    assert main(["install-plugin"]) == 0
    said = capsys.readouterr().out
    assert "Flatpak" in said
    assert "SCUMBLE_HOME is set here" in said


def test_another_plugin_of_that_name(resources, capsys):
    (resources / "pykrita/scumble").mkdir(parents=True)
    (resources / "pykrita/scumble/__init__.py").touch()
    assert main(["install-plugin"]) == 1
    assert "Move that folder away" in capsys.readouterr().err


def test_a_python_that_cannot_start_the_backend(monkeypatch, tmp_path, home, capsys):
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(other))
    assert main(["install-plugin"]) == 1
    assert "does not find it" in capsys.readouterr().err
    assert not find_kritas()[0].resources.exists()


def test_krita_is_seen_by_its_process(monkeypatch):
    monkeypatch.undo()
    process = command.psutil.Process
    me = process().username()

    class Running:
        def __init__(self, name, user):
            self.info = {"name": name, "username": user}

    def running(*found):
        monkeypatch.setattr(command.psutil, "process_iter", lambda _: [Running(*one) for one in found])
        return command.krita_runs()

    assert running(("bash", me), ("krita", me))
    assert running(("Krita.exe", me))
    assert not running(("kritarunner", me), ("krita", f"not {me}"), (None, me))


def look():
    found = doctor.plugin(Places.of_user())
    return found.grade, f"{found.found} {found.remedy}"


def test_doctor_sees_the_plugin(resources, home, capsys):
    assert look()[0] == "remark"
    assert "scumble install-plugin" in look()[1]
    main(["install-plugin"])
    grade, words = look()
    assert grade == "ok"
    assert f"{read_bundle().version} in {resources}" in words


def test_doctor_sees_a_link(resources):
    main(["install-plugin", "--link"])
    assert look()[0] == "ok"
    assert "linked to" in look()[1]


@pytest.mark.parametrize("what", ["version", "switch", "record", "another"])
def test_doctor_sees_what_is_wrong(resources, home, what):
    main(["install-plugin"])
    if what == "version":
        path = resources / "pykrita/scumble/contents.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "version": "0.0.1"}))
    elif what == "switch":
        (home / ".config/kritarc").write_text("[python]\nenable_scumble=false\n")
    elif what == "record":
        places.backend_record().unlink()
    else:
        places.backend_record().write_text(json.dumps({"python": "/usr/bin/python3", "folder": str(Path("/"))}))
    grade, words = look()
    assert grade == "remark"
    told = {"version": "0.0.1", "switch": "switched off", "record": "does not know", "another": "/usr/bin/python3"}
    assert told[what] in words
    assert "scumble install-plugin" in words
