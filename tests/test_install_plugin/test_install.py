"""Putting the plugin into Krita's folders and taking it out: all of it or nothing, and never anything else."""

import errno
import os
import shutil
import sys
from pathlib import Path

import pytest

from backend.plugin import CannotInstall, find_installed, install, link, read_bundle, uninstall
from backend.plugin import install as install_function

module = sys.modules[install_function.__module__]
links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")


@pytest.fixture(scope="module")
def bundle():
    return read_bundle()


@pytest.fixture
def plugin(krita):
    return krita.resources / "pykrita" / "scumble"


def others(krita):
    """What another plugin and the painter have put there."""
    for name, text in (
        ("pykrita/other.desktop", "[Desktop Entry]"),
        ("pykrita/other/__init__.py", ""),
        ("pykrita/scumble_too/__init__.py", ""),
        ("actions/other.action", "<a/>"),
    ):
        (krita.resources / name).parent.mkdir(parents=True, exist_ok=True)
        (krita.resources / name).write_text(text)
    krita.config.parent.mkdir(parents=True, exist_ok=True)
    krita.config.write_bytes(b"[theme]\nTheme=Dark\n\n[python]\nenable_other=true\n")


def test_in_and_out_again(krita, plugin, bundle, tree):
    others(krita)
    before, settings = tree(krita.resources), krita.config.read_bytes()
    install(krita, bundle)
    there = tree(krita.resources)
    assert {name.removeprefix("pykrita/scumble/") for name in there if name.startswith("pykrita/scumble/")} == set(
        bundle.files
    )
    assert set(there) - set(before) == {
        "pykrita/scumble.desktop",
        "actions/scumble.action",
        *(f"pykrita/scumble/{name}" for name in bundle.files),
    }
    found = find_installed(krita)
    assert (found.version, found.source, found.switched_on) == (bundle.version, "", True)
    assert uninstall(krita) == []
    assert tree(krita.resources) == before
    assert krita.config.read_bytes() == settings
    assert find_installed(krita) is None


def test_both_are_safe_to_repeat(krita, bundle, tree):
    install(krita, bundle)
    once = tree(krita.resources.parent.parent)
    install(krita, bundle)
    assert tree(krita.resources.parent.parent) == once
    uninstall(krita)
    gone = tree(krita.resources.parent.parent)
    assert uninstall(krita) == []
    assert tree(krita.resources.parent.parent) == gone


def test_nothing_there_and_nothing_made_by_taking_it_out(krita, home):
    assert uninstall(krita) == []
    assert list(home.iterdir()) == []


def test_an_older_version_leaves_nothing_behind(krita, plugin, bundle):
    older = type(bundle)(
        bundle.desktop,
        bundle.actions,
        {
            "__init__.py": b"",
            "gone.py": b"",
            "old/part.py": b"",
            "contents.json": b'{"version": "0.0.1", "files": ["__init__.py", "gone.py", "old/part.py"]}',
        },
    )
    install(krita, older)
    assert find_installed(krita).version == "0.0.1"
    (plugin / "__pycache__").mkdir()
    (plugin / "__pycache__" / "gone.cpython-310.pyc").touch()
    install(krita, bundle)
    assert not (plugin / "gone.py").exists()
    assert not (plugin / "old").exists()
    assert not (plugin / "__pycache__").exists()
    assert find_installed(krita).version == bundle.version


def test_what_the_painter_put_there_stays(krita, plugin, bundle):
    install(krita, bundle)
    (plugin / "notes.txt").write_text("mine")
    (plugin / "docker" / "more.txt").write_text("mine too")
    (plugin / "__pycache__").mkdir()
    install(krita, bundle)
    assert (plugin / "docker" / "more.txt").read_text() == "mine too"
    assert uninstall(krita) == [plugin / "docker" / "more.txt", plugin / "notes.txt"]
    assert sorted(path for path in plugin.rglob("*") if path.is_file()) == [
        plugin / "docker" / "more.txt",
        plugin / "notes.txt",
    ]
    assert not (plugin / "link").exists()
    # what stays is no plugin, and in nobody's way
    assert find_installed(krita) is None


def test_after_that_it_can_be_installed_again(krita, plugin, bundle):
    install(krita, bundle)
    (plugin / "notes.txt").write_text("mine")
    uninstall(krita)
    install(krita, bundle)
    assert find_installed(krita).version == bundle.version
    assert (plugin / "notes.txt").read_text() == "mine"


def test_another_plugin_of_that_name_is_let_be(krita, plugin, bundle, tree):
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").write_text("print('another')")
    (plugin.parent / "scumble.desktop").write_text("[Desktop Entry]")
    before = tree(krita.resources)
    for do in (lambda: install(krita, bundle), lambda: link(krita), lambda: uninstall(krita)):
        with pytest.raises(CannotInstall, match="not put there by Scumble"):
            do()
    assert tree(krita.resources) == before
    assert not krita.config.exists()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_full_disk_leaves_the_older_one_whole(krita, bundle, tree, monkeypatch, share):
    install(krita, bundle)
    before, left = tree(krita.resources), [int(len(bundle.files) * share)]
    real = Path.write_bytes

    def write(path, data):
        left[0] -= 1
        if left[0] < 0:
            real(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(CannotInstall, match="No space left"):
        install(krita, bundle)
    assert tree(krita.resources) == before


def test_a_first_one_on_a_full_disk_leaves_nothing(krita, bundle, tree, monkeypatch):
    def write(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(CannotInstall):
        install(krita, bundle)
    assert tree(krita.resources) == {}
    assert not krita.config.exists()


def test_a_folder_that_cannot_be_put_in_place_brings_the_old_one_back(krita, plugin, bundle, tree, monkeypatch):
    install(krita, bundle)
    before, real = tree(krita.resources), Path.rename

    def rename(path, target):
        # as Windows does while a program has a file of it open
        if Path(target) == plugin and (path / "fresh").exists():
            raise PermissionError(errno.EACCES, "Access is denied")
        return real(path, target)

    changed = type(bundle)(bundle.desktop, bundle.actions, {**bundle.files, "fresh": b""})
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(CannotInstall, match="Close Krita"):
        install(krita, changed)
    assert tree(krita.resources) == before


def test_leftovers_of_a_killed_installation_are_swept(krita, bundle, tree):
    install(krita, bundle)
    before = tree(krita.resources)
    (krita.resources / "pykrita" / ".scumble-1234abcd" / "docker").mkdir(parents=True)
    (krita.resources / "actions" / ".scumble-1234abcd").touch()
    install(krita, bundle)
    assert tree(krita.resources) == before
    assert not (krita.resources / "pykrita" / ".scumble-1234abcd").exists()


@links
def test_a_link_runs_the_source_tree(krita, plugin, bundle, tree):
    link(krita)
    found = find_installed(krita)
    assert found.version == bundle.version
    assert found.switched_on
    for name, data in bundle.files.items():
        if name != "contents.json":
            assert (plugin / name).read_bytes() == data
    assert (plugin / "docker").resolve() == Path(found.source) / "krita_plugin" / "docker"


@links
def test_from_link_to_copy_and_back_never_touches_the_source(krita, plugin, bundle, tree):
    link(krita)
    source = Path(find_installed(krita).source) / "krita_plugin"
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*.py")}
    install(krita, bundle)
    assert find_installed(krita).source == ""
    assert not any(path.is_symlink() for path in plugin.rglob("*"))
    link(krita)
    uninstall(krita)
    assert not plugin.exists()
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*.py")} == before


@links
def test_a_bare_link_by_hand_is_replaced_and_what_it_points_to_stays(krita, plugin, bundle, tmp_path):
    shutil.copytree(Path(module.SOURCE_TREE) / "krita_plugin", tmp_path / "mine")
    plugin.parent.mkdir(parents=True)
    plugin.symlink_to(tmp_path / "mine", target_is_directory=True)
    install(krita, bundle)
    assert not plugin.is_symlink()
    assert (tmp_path / "mine" / "__init__.py").exists()


def test_without_a_source_tree_there_is_no_link(krita, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "BUILDER", tmp_path / "none.py")
    with pytest.raises(CannotInstall, match="Leave out --link"):
        link(krita)
    assert not krita.resources.exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_s_is_told_of(krita, bundle):
    krita.resources.mkdir(parents=True)
    krita.resources.chmod(0o500)
    with pytest.raises(CannotInstall, match="see to it that the folder is yours"):
        install(krita, bundle)
