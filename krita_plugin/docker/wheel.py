"""Keeps the mouse wheel for scrolling the docker."""

from __future__ import annotations

from ..qt import QtCore, QtWidgets


class WheelGuard(QtCore.QObject):
    """Installed on a control, lets the wheel change it only while it has the focus.

    Else scrolling the docker would change whatever passes under the mouse.
    """

    def guard(self, control: QtWidgets.QWidget) -> None:
        """Guard a control."""
        control.setFocusPolicy(QtCore.Qt.FocusPolicy.StrongFocus)
        control.installEventFilter(self)

    def eventFilter(self, watched: QtCore.QObject | None, event: QtCore.QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Stop the wheel, so that it goes to what scrolls."""
        if event is None or event.type() != QtCore.QEvent.Type.Wheel:
            return False
        if isinstance(watched, QtWidgets.QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
