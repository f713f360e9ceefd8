"""The plugin's files: from the zip that was built with this package, or built now from the source tree beside it."""

from __future__ import annotations

import io
import json
import runpy
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .errors import CannotInstall

PLUGIN: Final = "scumble"
"""The plugin's name in Krita: of its folder, and of the files beside it."""

CONTENTS: Final = "contents.json"
"""In the plugin's folder: its version, and the names of all its files."""

SHIPPED: Final = Path(__file__).with_name("scumble-krita.zip")
"""Put there when the wheel is built."""

SOURCE_TREE: Final = Path(__file__).resolve().parents[2]
BUILDER: Final = SOURCE_TREE / "packaging" / "plugin_zip.py"
"""There only where this package is imported from its source tree: nothing shipped could then be out of date."""


@dataclass(frozen=True)
class Bundle:
    """The plugin: the two files beside its folder, and what is in the folder, by names relative to it."""

    desktop: bytes
    actions: bytes
    files: dict[str, bytes]

    @property
    def version(self) -> str:
        """The plugin's version."""
        return str(json.loads(self.files[CONTENTS])["version"])


def shipped_zip() -> bytes:
    """Return the plugin as a zip for Krita's own importer. Raises CannotInstall."""
    try:
        if BUILDER.is_file():
            return bytes(builder()["build"]())
        return SHIPPED.read_bytes()
    except (OSError, RuntimeError) as error:
        raise CannotInstall(
            "no_plugin", f"The plugin's files cannot be read: {error}.", "Install Scumble itself again."
        ) from error


def read_bundle() -> Bundle:
    """Return the plugin's files. Raises CannotInstall."""
    with zipfile.ZipFile(io.BytesIO(shipped_zip())) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    inside = {name.removeprefix(f"{PLUGIN}/"): data for name, data in files.items() if name.startswith(f"{PLUGIN}/")}
    return Bundle(files[f"{PLUGIN}.desktop"], files[f"{PLUGIN}.action"], inside)


def builder() -> dict[str, Any]:
    """Return what the source tree's builder defines; run by its path, since its room is no package."""
    return runpy.run_path(str(BUILDER))
