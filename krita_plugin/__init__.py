"""Scumble inside Krita: select, say what belongs there, get it as a new layer that fits.

This file and `unable.py` are for Python 3.8 too: an older Krita must be able to read them, to say what is wrong.
"""

import sys

INSTALLED_NAME = "scumble"
"""The plugin's folder in Krita. In the source tree it is called otherwise, and importing it there does nothing."""

LEAST_PYTHON = (3, 10)


def _register() -> None:
    from . import unable

    if sys.version_info[:2] < LEAST_PYTHON:
        version = ".".join(map(str, sys.version_info[:2]))
        unable.register(
            f"Scumble needs a newer Krita: this one has Python {version} inside.",
            "Get Krita 5.2 or newer from krita.org, then install Scumble there.",
        )
        return
    try:
        from . import extension

        extension.register()
    except Exception as error:  # noqa: BLE001 - Krita would say nothing at all
        unable.register_fault(error)


def _is_in_krita() -> bool:
    if __name__ != INSTALLED_NAME:
        return False
    try:
        import krita  # type: ignore[import-not-found, unused-ignore] # noqa: F401
    except ImportError:
        return False
    return True


if _is_in_krita():
    _register()
