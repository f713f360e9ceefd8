"""Krita's folders, of pretended users."""

import pytest

from backend.plugin import KritaFolders

VARIABLES = (
    "SCUMBLE_HOME",
    "SCUMBLE_MODELS",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "APPDATA",
    "LOCALAPPDATA",
)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A user who has nothing yet."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


@pytest.fixture
def krita(home):
    return KritaFolders(home / "share" / "krita", home / "config" / "kritarc")


@pytest.fixture
def tree():
    """Everything in a folder: names of files with their bytes, of links with their targets."""

    def read(folder):
        return {
            path.relative_to(folder).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
            for path in folder.rglob("*")
            if path.is_symlink() or path.is_file()
        }

    return read
