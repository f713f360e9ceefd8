"""Picks PyQt5 or PyQt6, once, for the whole plugin; everything else takes Qt from here.

Krita says which it is: two bindings in one process, of which one is not Krita's own, end in a crash. So PyQt6 is never
just tried. Outside Krita, as in tests, it is the binding that is imported already, else the one that the environment
variable `SCUMBLE_QT` names ("5" or "6"), else PyQt5.

Write enums scoped, as in `Qt.ConnectionType.QueuedConnection`: PyQt6 has no others, PyQt5 has both.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

VARIABLE: Final = "SCUMBLE_QT"


def _major() -> int:
    try:
        import pykrita  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return _outside_krita()
    # Kritas before 5.3 do not say, and are all Qt 5
    return int(getattr(pykrita, "qt_major_version", lambda: 5)())


def _outside_krita() -> int:
    for major in (5, 6):
        if f"PyQt{major}.QtCore" in sys.modules:
            return major
    named = os.environ.get(VARIABLE, "5")
    if named not in ("5", "6"):
        raise ImportError(f"{VARIABLE} is {named!r}; it may be 5 or 6")
    return int(named)


MAJOR: Final = _major()
"""5 or 6: Qt's major version."""

if TYPE_CHECKING:
    # read as PyQt6, the stricter of the two
    from PyQt6 import QtCore, QtGui, QtWidgets
    from PyQt6.QtGui import QAction, QActionGroup, QShortcut
elif MAJOR == 6:
    from PyQt6 import QtCore, QtGui, QtWidgets
    from PyQt6.QtGui import QAction, QActionGroup, QShortcut
else:
    from PyQt5 import QtCore, QtGui, QtWidgets
    from PyQt5.QtWidgets import QAction, QActionGroup, QShortcut

__all__ = ["MAJOR", "VARIABLE", "QAction", "QActionGroup", "QShortcut", "QtCore", "QtGui", "QtWidgets"]
