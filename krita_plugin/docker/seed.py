"""The field for a seed, whose range is larger than a spin box holds."""

from __future__ import annotations

from ..bundled import protocol
from ..qt import QtCore, QtGui, QtWidgets


class SeedField(QtWidgets.QLineEdit):
    """A whole number from 0 to `protocol.MAX_SEED`."""

    edited = QtCore.pyqtSignal(object)
    """With the number; an int of Qt would not hold it."""

    def __init__(self) -> None:
        super().__init__()
        digits = QtCore.QRegularExpression(f"[0-9]{{0,{len(str(protocol.MAX_SEED))}}}")
        self.setValidator(QtGui.QRegularExpressionValidator(digits, self))
        self.setAccessibleName("Seed")
        self.textEdited.connect(lambda _text: self.edited.emit(self.seed()))
        self.editingFinished.connect(self._tidy)
        self._tidy()

    def seed(self) -> int:
        """Return the number; 0 where nothing is written."""
        return min(protocol.MAX_SEED, int(self.text() or "0"))

    def show_seed(self, seed: int) -> None:
        """Show a number that was set elsewhere; the same one leaves the cursor as it is."""
        if seed != self.seed():
            self.setText(str(seed))

    def _tidy(self) -> None:
        if self.text() != str(self.seed()):
            self.setText(str(self.seed()))
