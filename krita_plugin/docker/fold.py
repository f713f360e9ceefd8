"""A part of the docker that folds away."""

from __future__ import annotations

from ..qt import QtCore, QtWidgets
from .text import ElidedLabel


class Fold(QtWidgets.QWidget):
    """A heading with an arrow, and below it what it shows when it is open. Beside the heading of a closed one stands what
    is inside and not as usual, so that nothing works unseen."""

    toggled = QtCore.pyqtSignal(bool)

    def __init__(self, title: str, tip: str, inside: QtWidgets.QWidget) -> None:
        super().__init__()
        self._inside, self._said = inside, ""
        self._button = QtWidgets.QToolButton()
        self._button.setObjectName("scumbleMore")
        self._button.setText(title)
        self._button.setToolTip(tip)
        self._button.setCheckable(True)
        self._button.setAutoRaise(True)
        self._button.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.toggled.connect(self.open)
        self._summary = ElidedLabel(dim=True)
        self._summary.setObjectName("scumbleMoreSummary")
        self._summary.set_hint("What is set in there besides the usual")
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self._button)
        head.addWidget(self._summary, 1)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(head)
        layout.addWidget(inside)
        self._show(False)

    def is_open(self) -> bool:
        """Return whether the inside is to be seen."""
        return self._button.isChecked()

    def open(self, opened: bool) -> None:
        """Unfold, or fold."""
        self._button.setChecked(opened)
        if opened == self._inside.isHidden():
            self._show(opened)
            self.toggled.emit(opened)

    def say(self, summary: str) -> None:
        """Set what stands beside the heading while it is closed."""
        self._said = summary
        self._summary.setText("" if self.is_open() else summary)

    def _show(self, opened: bool) -> None:
        arrow = QtCore.Qt.ArrowType
        self._button.setArrowType(arrow.DownArrow if opened else arrow.RightArrow)
        self._inside.setVisible(opened)
        self.say(self._said)
