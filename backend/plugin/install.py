"""Puts the plugin into Krita's folders and takes it out again: all of it or nothing, and never anything else."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .bundle import BUILDER, CONTENTS, PLUGIN, SOURCE_TREE, Bundle, builder, read_bundle
from .errors import CannotInstall, not_written
from .krita_folders import KritaFolders
from .switch import is_on, switch

PREFIX: Final = f".{PLUGIN}-"
"""Of what is not in its place yet, or no longer. Krita looks for .desktop files only."""

CACHE: Final = "__pycache__"
"""What Python makes by itself wherever it imports from."""


@dataclass(frozen=True)
class Installed:
    """A plugin that lies in a Krita's folder. `source` is the source tree that it is linked to, "" for a copy."""

    folder: Path
    version: str
    source: str
    switched_on: bool


def install(krita: KritaFolders, bundle: Bundle) -> None:
    """Copy the plugin to where this Krita looks, in place of an older one, and switch it on. Raises CannotInstall."""

    def fill(folder: Path) -> None:
        for name, data in bundle.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

    _put(krita, fill, bundle)


def link(krita: KritaFolders) -> None:
    """Let this Krita run the plugin as it lies in the source tree, and switch it on. Raises CannotInstall.

    Each thing in the plugin's folder is a link; so is what it carries. What is added there later needs this again.
    """
    if not BUILDER.is_file():
        raise CannotInstall(
            "no_source", "This Scumble was installed without its source tree.", "Leave out --link, and it is copied."
        )
    bundle, links = read_bundle(), _links()

    def fill(folder: Path) -> None:
        for name, target in links.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to(target, target_is_directory=target.is_dir())
        contents = {"version": bundle.version, "files": sorted(links), "source": str(SOURCE_TREE)}
        (folder / CONTENTS).write_text(json.dumps(contents) + "\n", "utf-8")

    _put(krita, fill, bundle)


def uninstall(krita: KritaFolders) -> list[Path]:
    """Take the plugin away and switch it off; where none is, do nothing. Raises CannotInstall.

    Return what was found in its folder and not put there by Scumble: that stays.
    """
    folder = krita.resources / "pykrita" / PLUGIN
    if not _is_there(folder) and not _desktop(krita).exists():
        switch(krita.config, False)
        return []
    _refuse_another(krita)
    switch(krita.config, False)
    try:
        # Krita looks for this file: without it there is no plugin
        _desktop(krita).unlink(missing_ok=True)
        _actions(krita).unlink(missing_ok=True)
        strangers = {name: folder / name for name in _strangers(folder)}
        if not strangers:
            _remove(folder)
        else:
            for path in [path for path in _walk(folder) if path.relative_to(folder).as_posix() not in strangers]:
                path.unlink()
            _remove_empty(folder)
    except OSError as error:
        raise not_written(folder, error) from error
    _sweep(krita)
    return sorted(strangers.values())


def find_installed(krita: KritaFolders) -> Installed | None:
    """Return the plugin that this Krita finds, None where it finds none."""
    folder = krita.resources / "pykrita" / PLUGIN
    if not (folder / "__init__.py").is_file() or not _desktop(krita).is_file():
        return None
    contents = _contents(folder)
    with contextlib.suppress(OSError):
        return Installed(folder, contents.version, contents.source, is_on(krita.config.read_bytes()))
    return Installed(folder, contents.version, contents.source, False)


@dataclass(frozen=True)
class _Contents:
    version: str = ""
    files: frozenset[str] = frozenset()
    source: str = ""


def _contents(folder: Path) -> _Contents:
    try:
        plain = json.loads((folder / CONTENTS).read_text("utf-8"))
        return _Contents(str(plain["version"]), frozenset(map(str, plain["files"])), str(plain.get("source", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return _Contents()


def _put(krita: KritaFolders, fill: Callable[[Path], None], bundle: Bundle) -> None:
    pykrita = krita.resources / "pykrita"
    folder, part = pykrita / PLUGIN, pykrita / f"{PREFIX}{secrets.token_hex(4)}"
    _refuse_another(krita)
    try:
        pykrita.mkdir(parents=True, exist_ok=True)
        (krita.resources / "actions").mkdir(exist_ok=True)
        _sweep(krita)
        try:
            part.mkdir()
            fill(part)
            _take_along(folder, part)
            _swap(part, folder)
        finally:
            _remove(part)
        _write(_actions(krita), bundle.actions)
        # last: only with this does Krita see a plugin
        _write(_desktop(krita), bundle.desktop)
    except OSError as error:
        if sys.platform == "win32" and getattr(error, "winerror", 0) == 1314:
            raise CannotInstall(
                "no_links",
                "Windows lets only developers make links.",
                "Switch its developer mode on, or leave out --link.",
            ) from error
        raise not_written(folder, error) from error
    switch(krita.config, True)


def _swap(part: Path, folder: Path) -> None:
    """Put a folder into another's place: a crash in between leaves none, never a mixture."""
    old = folder.with_name(f"{PREFIX}{secrets.token_hex(4)}")
    if _is_there(folder):
        folder.rename(old)
    try:
        part.rename(folder)
    except OSError:
        if _is_there(old):
            old.rename(folder)
        raise
    _remove(old)


def _refuse_another(krita: KritaFolders) -> None:
    """Raise CannotInstall where somebody else's plugin of the same name lies."""
    folder = krita.resources / "pykrita" / PLUGIN
    # a link holds nothing that could be lost, and without that file it is no plugin
    if folder.is_symlink() or _contents(folder).files or not (folder / "__init__.py").exists():
        return
    raise CannotInstall(
        "another_plugin",
        f"{folder} is there, and was not put there by Scumble.",
        "Move that folder away, then try again.",
    )


def _strangers(folder: Path) -> Iterator[str]:
    """Yield the names of what Scumble has not put into its folder."""
    if folder.is_symlink() or not folder.is_dir():
        return
    ours = _contents(folder).files | {CONTENTS}
    for path in _walk(folder):
        name = path.relative_to(folder)
        if name.as_posix() not in ours and CACHE not in name.parts:
            yield name.as_posix()


def _take_along(old: Path, new: Path) -> None:
    for name in _strangers(old):
        if not _is_there(new / name):
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old / name, new / name, follow_symlinks=False)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield every file and link in a folder, never what lies behind a link."""
    for parent, folders, files in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in (*files, *links))


def _links() -> dict[str, Path]:
    """Return what each name in the linked folder points to: the outermost file or folder that is wholly the plugin's."""
    found: dict[str, Path] = {}
    for name, path in builder()["sources"]().items():
        parts = Path(name).parts
        if parts[0] != PLUGIN:
            continue
        kept = 2 if parts[1] == "_vendor" else 1
        inside = parts[1:]
        target = path if len(inside) == kept else path.parents[len(inside) - kept - 1]
        found["/".join(inside[:kept])] = target
    return found


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f"{PREFIX}{secrets.token_hex(4)}")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _sweep(krita: KritaFolders) -> None:
    """Remove what an earlier, interrupted installation has left."""
    for folder in (krita.resources / "pykrita", krita.resources / "actions"):
        for left in folder.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError):
                _remove(left)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _remove_empty(folder: Path) -> None:
    for parent, _, _ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):
            Path(parent).rmdir()


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _desktop(krita: KritaFolders) -> Path:
    return krita.resources / "pykrita" / f"{PLUGIN}.desktop"


def _actions(krita: KritaFolders) -> Path:
    return krita.resources / "actions" / f"{PLUGIN}.action"
