"""Finds the two packages that the plugin uses and Krita does not have: `protocol` and `websockets`.

As installed, they lie in the plugin's own folder `_vendor` and are imported from there under the plugin's name. So they
neither see nor disturb what other plugins in the same Python call `websockets` or `protocol`, and `sys.path` stays as it is.
In the source tree there is no such folder, and both are plain imports. Each is looked for on its own.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

VENDOR: Final = "_vendor"

SOURCE_TREE: Final = Path(__file__).resolve().parent.parent
"""Where `protocol` lies beside the plugin, when the plugin's folder is a link into the source tree."""


class IncompletePlugin(ImportError):
    """A part of the plugin is not there. `happened` and `remedy` are for the painter."""

    def __init__(self, name: str, error: ImportError) -> None:
        self.happened = f"Scumble's plugin is incomplete: its part {name!r} cannot be loaded ({error})."
        self.remedy = "Install the plugin again with 'scumble install-plugin', then restart Krita."
        super().__init__(f"{self.happened} {self.remedy}", name=name)


def _find(package: str, inner: str = "") -> ModuleType:
    """Return a module of a bundled package. Raises IncompletePlugin."""
    name = package + inner
    try:
        if _is_vendored(package):
            return importlib.import_module(f"{__package__}.{VENDOR}.{name}")
        if find_spec(package) is None and (SOURCE_TREE / package / "__init__.py").is_file():
            return _beside_the_plugin(name)
        return importlib.import_module(name)
    except ImportError as error:
        raise IncompletePlugin(name, error) from error


def _is_vendored(package: str) -> bool:
    folder = f"{__package__}.{VENDOR}"
    return find_spec(folder) is not None and find_spec(f"{folder}.{package}") is not None


def _beside_the_plugin(name: str) -> ModuleType:
    sys.path.append(str(SOURCE_TREE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(SOURCE_TREE))


if TYPE_CHECKING:
    from websockets import exceptions as websocket_errors
    from websockets import frames as websocket_frames
    from websockets.asyncio import client as websocket_client

    import protocol
else:
    protocol = _find("protocol")
    websocket_client = _find("websockets", ".asyncio.client")
    websocket_errors = _find("websockets", ".exceptions")
    websocket_frames = _find("websockets", ".frames")

__all__ = ["IncompletePlugin", "protocol", "websocket_client", "websocket_errors", "websocket_frames"]
