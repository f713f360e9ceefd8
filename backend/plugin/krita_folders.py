"""Where Kritas look for plugins, and where they keep which of them are switched on."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOVED: Final = re.compile(rb"^ResourceDirectory=(.*?)\r?$", re.MULTILINE)
"""A painter may have moved Krita's resources elsewhere; Krita's settings then say where, above the first group."""


@dataclass(frozen=True)
class KritaFolders:
    """One Krita's: `resources` holds pykrita/ and actions/, `config` is the file kritarc. Neither need exist.

    `sandbox` is the name of what shuts this Krita off from the rest of the system, "" where nothing does.
    """

    resources: Path
    config: Path
    sandbox: str = ""


def find_kritas(chosen: Path | None = None) -> list[KritaFolders]:
    """Return the folders of this user's Kritas: the usual one, there or not, then those in sandboxes that are there.

    `chosen` is a folder of resources to take instead of all these.
    """
    usual = _usual()
    sandboxed = [krita for krita in _sandboxed() if krita.resources.parent.is_dir()] if _is_linux() else []
    if chosen is None:
        return [_where_it_was_moved(krita) for krita in (usual, *sandboxed)]
    chosen = chosen.absolute()
    for krita in sandboxed:
        if krita.resources == chosen:
            return [krita]
    return [KritaFolders(chosen, usual.config)]


def _usual() -> KritaFolders:
    home = Path.home()
    if sys.platform == "win32":
        roaming = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
        local = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
        return KritaFolders(roaming / "krita", local / "kritarc")
    if sys.platform == "darwin":
        library = home / "Library"
        return KritaFolders(library / "Application Support" / "krita", library / "Preferences" / "kritarc")
    data = _xdg("XDG_DATA_HOME") or home / ".local" / "share"
    return KritaFolders(data / "krita", (_xdg("XDG_CONFIG_HOME") or home / ".config") / "kritarc")


def _sandboxed() -> list[KritaFolders]:
    flatpak = Path.home() / ".var" / "app" / "org.kde.krita"
    snap = Path.home() / "snap" / "krita" / "current"
    return [
        KritaFolders(flatpak / "data" / "krita", flatpak / "config" / "kritarc", "Flatpak"),
        KritaFolders(snap / ".local" / "share" / "krita", snap / ".config" / "kritarc", "Snap"),
    ]


def _where_it_was_moved(krita: KritaFolders) -> KritaFolders:
    try:
        settings = krita.config.read_bytes()
    except OSError:
        return krita
    found = MOVED.search(re.split(rb"^\[", settings, maxsplit=1, flags=re.MULTILINE)[0])
    folder = Path(os.fsdecode(found[1])) if found else Path()
    # Krita itself goes back to the usual folder where the other one is not there
    if not (folder.is_absolute() and folder.is_dir()):
        return krita
    return KritaFolders(folder, krita.config, krita.sandbox)


def _is_linux() -> bool:
    return sys.platform not in ("win32", "darwin")


def _xdg(variable: str) -> Path | None:
    named = os.environ.get(variable, "")
    return Path(named) if named.startswith("/") else None
