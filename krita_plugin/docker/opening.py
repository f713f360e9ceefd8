"""Opens a file or folder with what the painter's desktop has for it."""

from __future__ import annotations

from pathlib import Path

from ..qt import QtCore, QtGui, QtWidgets


def open_path(path: Path, beside: QtWidgets.QWidget) -> None:
    """Open a file or folder; where that cannot be, tell its name in a tooltip beside the button that was pressed."""
    if not path.exists():
        _tell(f"There is nothing yet at {path}", beside)
    elif not QtGui.QDesktopServices.openUrl(QtCore.QUrl.fromLocalFile(str(path))):
        _tell(f"Your desktop has nothing to open it with. It is at {path}", beside)


def _tell(words: str, beside: QtWidgets.QWidget) -> None:
    QtWidgets.QToolTip.showText(beside.mapToGlobal(QtCore.QPoint(0, beside.height())), words, beside)
