"""Where Krita's folders are, on each system."""

import pytest

from backend.plugin import KritaFolders, find_kritas, krita_folders


@pytest.fixture
def on(monkeypatch):
    return lambda platform: monkeypatch.setattr(krita_folders.sys, "platform", platform)


def test_linux(on, home, monkeypatch):
    on("linux")
    assert find_kritas() == [KritaFolders(home / ".local/share/krita", home / ".config/kritarc")]
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "d"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "not/absolute")
    assert find_kritas() == [KritaFolders(home / "d" / "krita", home / ".config/kritarc")]


def test_windows(on, home, monkeypatch):
    on("win32")
    assert find_kritas() == [KritaFolders(home / "AppData/Roaming/krita", home / "AppData/Local/kritarc")]
    monkeypatch.setenv("APPDATA", str(home / "R"))
    monkeypatch.setenv("LOCALAPPDATA", str(home / "L"))
    assert find_kritas() == [KritaFolders(home / "R/krita", home / "L/kritarc")]


def test_macos(on, home):
    on("darwin")
    library = home / "Library"
    assert find_kritas() == [KritaFolders(library / "Application Support/krita", library / "Preferences/kritarc")]


def test_sandboxes_only_where_they_are(on, home):
    on("linux")
    (home / ".var/app/org.kde.krita/data").mkdir(parents=True)
    (home / "snap/krita/current/.local/share").mkdir(parents=True)
    kritas = find_kritas()
    assert [krita.sandbox for krita in kritas] == ["", "Flatpak", "Snap"]
    assert kritas[1].config == home / ".var/app/org.kde.krita/config/kritarc"
    assert kritas[2].resources == home / "snap/krita/current/.local/share/krita"
    on("win32")
    assert len(find_kritas()) == 1


def test_a_chosen_folder(on, home):
    on("linux")
    usual = find_kritas()[0].config
    assert find_kritas(home / "mine") == [KritaFolders(home / "mine", usual)]
    flatpak = home / ".var/app/org.kde.krita/data"
    flatpak.mkdir(parents=True)
    assert find_kritas(flatpak / "krita")[0].config == home / ".var/app/org.kde.krita/config/kritarc"


@pytest.mark.parametrize("line", ["ResourceDirectory={}\n", "a=b\r\nResourceDirectory={}\r\n[python]\r\n"])
def test_resources_that_the_painter_has_moved(on, home, line):
    on("linux")
    moved = home / "art" / "krita"
    moved.mkdir(parents=True)
    (home / ".config").mkdir()
    config = home / ".config/kritarc"
    config.write_text(line.format(moved), newline="")
    assert find_kritas() == [KritaFolders(moved, config)]


@pytest.mark.parametrize(
    "line", ["[other]\nResourceDirectory={}\n", "ResourceDirectory={}/gone\n", "ResourceDirectory=\n"]
)
def test_resources_that_are_where_they_always_were(on, home, line):
    on("linux")
    (home / ".config").mkdir()
    (home / ".config/kritarc").write_text(line.format(home), newline="")
    assert find_kritas()[0].resources == home / ".local/share/krita"
