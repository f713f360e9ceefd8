"""The plugin's places against platformdirs and the backend's own, for each platform's rules."""

import os
import stat
import sys
import tempfile
from pathlib import Path

import platformdirs.macos
import platformdirs.unix
import platformdirs.windows
import pytest

from backend.places import Places
from krita_plugin.link import places

VARIABLES = (
    "SCUMBLE_HOME",
    "SCUMBLE_MODELS",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "LOCALAPPDATA",
)


@pytest.fixture(autouse=True)
def bare(monkeypatch, tmp_path):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def folder(path, mode=0o700):
    path.mkdir(parents=True)
    path.chmod(mode)
    return path


@pytest.fixture
def outside_of_temporary_files(monkeypatch, tmp_path):
    """Let another folder be the one for temporary files: the tests' own lie in the real one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="compares with what the backend does on this Linux")


def same_as_the_backend():
    theirs = Places.of_user()
    assert places.discovery() == theirs.discovery
    assert places.backend_record() == theirs.backend_record == theirs.data / "backend.json"
    assert places.server_log() == theirs.log
    assert places.plugin_log() == theirs.plugin_log
    assert places.plugin_keep() == theirs.data / "plugin" / "jobs"
    assert places.installation_file() == theirs.data / "plugin" / "installation"
    return theirs


@linux_only
@pytest.mark.parametrize("mode", [0o700, 0o755, 0o777, 0o500])
def test_linux_with_a_runtime_folder(monkeypatch, tmp_path, outside_of_temporary_files, mode):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder(tmp_path / "runtime", mode)))
    assert (same_as_the_backend().runtime == tmp_path / "runtime" / "scumble") == (mode == 0o700)


@linux_only
def test_linux_with_a_runtime_folder_among_the_temporary_files(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder(tmp_path / "runtime")))
    assert same_as_the_backend().runtime == tmp_path / "home" / ".local/state/scumble/run"


@linux_only
def test_linux_with_a_link_for_a_runtime_folder(monkeypatch, tmp_path, outside_of_temporary_files):
    (tmp_path / "link").symlink_to(folder(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "link"))
    same_as_the_backend()


@linux_only
def test_linux_with_a_runtime_folder_where_everybody_may_write(monkeypatch, tmp_path, outside_of_temporary_files):
    folder(tmp_path / "open", 0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder(tmp_path / "open" / "runtime")))
    same_as_the_backend()


@linux_only
@pytest.mark.parametrize("value", [None, "", "relative/path"])
def test_linux_without_a_runtime_folder(monkeypatch, value):
    if value is not None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    same_as_the_backend()


@linux_only
def test_linux_with_all_its_variables(monkeypatch, tmp_path):
    for name in ("STATE", "DATA", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    same_as_the_backend()


def test_everything_under_one_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "all"))
    assert places.discovery().is_relative_to(tmp_path / "all")
    same_as_the_backend()


@pytest.mark.parametrize("runtime", [None, 0o700, 0o755])
def test_macos(monkeypatch, tmp_path, runtime):
    if runtime is not None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder(tmp_path / "runtime", runtime)))
    theirs = platformdirs.macos.MacOS("scumble", appauthor=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        expected = Path(theirs.user_runtime_dir)
    monkeypatch.setattr(places.sys, "platform", "darwin")
    assert places.discovery() == expected / "server.json"
    assert places.backend_record() == Path(theirs.user_data_dir) / "backend.json"
    assert places.server_log() == Path(theirs.user_log_dir) / "server.log"
    assert places.plugin_log() == Path(theirs.user_log_dir) / "plugin.log"
    assert places.plugin_keep() == Path(theirs.user_data_dir) / "plugin" / "jobs"


@pytest.mark.skipif(os.name == "nt", reason="reads the variables that Windows itself would set")
def test_windows(monkeypatch, tmp_path):
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    monkeypatch.setenv("WIN_PD_OVERRIDE_LOCAL_APPDATA", "C:\\Local")
    theirs = platformdirs.windows.Windows("scumble", appauthor=False)
    # platformdirs joins with this system's separator here; what is compared is which folders it names
    expected = [
        Path(path.replace("C:\\Local", str(tmp_path / "Local")))
        for path in (theirs.user_runtime_dir, theirs.user_data_dir, theirs.user_log_dir)
    ]
    monkeypatch.setattr(places.sys, "platform", "win32")
    assert places.discovery() == expected[0] / "server.json"
    assert places.backend_record() == expected[1] / "backend.json"
    assert places.server_log() == expected[2] / "server.log"
    assert places.plugin_log() == expected[2] / "plugin.log"
    assert places.plugin_keep() == expected[1] / "plugin" / "jobs"


def test_nothing_is_made_by_asking(tmp_path):
    places.discovery(), places.backend_record(), places.server_log()
    places.plugin_log(), places.plugin_keep(), places.installation_file()
    assert list(tmp_path.iterdir()) == []
    assert stat.S_ISDIR(tmp_path.stat().st_mode)
