"""A signal that is not given more often than somebody can look."""

from __future__ import annotations

from collections.abc import Callable

from ..qt import QtCore


class Calm(QtCore.QObject):
    """Calls `tell` at once, and whatever comes within the next `milliseconds` together at their end: nothing is left untold."""

    def __init__(self, tell: Callable[[], None], milliseconds: int, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self._tell = tell
        self._due = False
        self._pause = QtCore.QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(milliseconds)
        self._pause.timeout.connect(self._through)

    def at_once(self) -> None:
        """Tell it now, and with it whatever was asked for before."""
        self._due = False
        self._pause.start()
        self._tell()

    @QtCore.pyqtSlot()
    def ask(self) -> None:
        """Have it told."""
        if self._pause.isActive():
            self._due = True
        else:
            self.at_once()

    @QtCore.pyqtSlot()
    def _through(self) -> None:
        if self._due:
            self._due = False
            self.ask()
