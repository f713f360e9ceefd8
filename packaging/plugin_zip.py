"""Builds the plugin as one zip, in the form that Krita's own importer takes.

    python packaging/plugin_zip.py FILE

Whoever builds the wheel, and `scumble install-plugin` in a source tree, run this file by its path: so nothing but the
standard library, and nothing of ours. The same sources give the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PLUGIN: Final = "scumble"
"""The plugin's name in Krita: of its folder, and of the files beside it."""

WEBSOCKETS: Final = "16.1"
"""The last version for Python 3.10, which Krita 5.2 has inside on Windows. The backend pins the same."""

CONTENTS: Final = "contents.json"
"""In the plugin's folder: its version, and the names of all its files. By it, removing takes away just those."""

OLDEST: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every entry, the first that a zip can hold: when it was built is nobody's concern."""

FILE_MODE: Final = 0o100644
FOLDER_MODE: Final = 0o040755


def sources() -> dict[str, Path]:
    """Return the file that each name in the zip comes from. Raises RuntimeError when websockets is not the pinned one."""
    here = Path(__file__).parent / "plugin"
    found = {
        f"{PLUGIN}.desktop": here / "scumble.desktop",
        f"{PLUGIN}.action": here / "scumble.action",
        f"{PLUGIN}/Manual.html": here / "Manual.html",
        f"{PLUGIN}/LICENSE": ROOT / "LICENSE",
        f"{PLUGIN}/_vendor/websockets-LICENSE": _licence(),
    }
    _add(found, PLUGIN, ROOT / "krita_plugin")
    _add(found, f"{PLUGIN}/_vendor/protocol", ROOT / "protocol")
    _add(found, f"{PLUGIN}/_vendor/websockets", _websockets())
    return dict(sorted(found.items()))


def build() -> bytes:
    """Return the zip. Raises RuntimeError as `sources`, and OSError."""
    files = {name: path.read_bytes() for name, path in sources().items()}
    inside = [name.removeprefix(f"{PLUGIN}/") for name in files if name.startswith(f"{PLUGIN}/")]
    contents = {"version": version(), "files": sorted(inside)}
    files[f"{PLUGIN}/{CONTENTS}"] = (json.dumps(contents, indent=1) + "\n").encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in sorted([*files, *_folders(files)]):
            entry = zipfile.ZipInfo(name, OLDEST)
            # as on Unix, wherever it is built
            entry.create_system = 3
            is_folder = name.endswith("/")
            entry.external_attr = (FOLDER_MODE if is_folder else FILE_MODE) << 16 | (0x10 if is_folder else 0)
            archive.writestr(entry, files.get(name, b""), None if is_folder else zipfile.ZIP_DEFLATED, 9)
    return made.getvalue()


def version() -> str:
    """Return the version as pyproject.toml has it."""
    found = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError("pyproject.toml names no version")
    return found[1]


def _add(found: dict[str, Path], name: str, folder: Path) -> None:
    # only Python: what was compiled for one Python does not load in another
    found.update({f"{name}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*.py")})


def _folders(files: dict[str, bytes]) -> set[str]:
    """Krita's importer finds a plugin by the entry of its folder, which many a tool for zips leaves out."""
    return {f"{parent.as_posix()}/" for name in files for parent in Path(name).parents if parent != Path()}


def _websockets() -> Path:
    try:
        found = distribution("websockets")
    except PackageNotFoundError:
        raise RuntimeError(f"websockets {WEBSOCKETS} is needed to build the plugin, and not installed") from None
    if found.version != WEBSOCKETS:
        raise RuntimeError(f"the plugin carries websockets {WEBSOCKETS}, and {found.version} is installed")
    return Path(str(found.locate_file("websockets")))


def _licence() -> Path:
    for file in distribution("websockets").files or ():
        if file.name == "LICENSE":
            return Path(str(file.locate()))
    raise RuntimeError("the licence of websockets is not installed with it")


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(build())
