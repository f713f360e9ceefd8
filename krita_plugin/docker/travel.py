"""The way of the Tab key through the docker, and of Escape out of it."""

from __future__ import annotations

from ..qt import QtCore, QtWidgets


def travel(inside: QtWidgets.QWidget, forward: bool) -> bool:
    """Give the focus to the next control of `inside`, or the one before. Return False at the end, with nothing done.

    Qt's own way back stops at the first window inside of the window that it meets, which in Krita is the canvas.
    """
    now = QtWidgets.QApplication.focusWidget()
    stops = [widget for widget in _in_order(inside) if widget is now or _is_stop(widget)]
    if now not in stops:
        return False
    at = stops.index(now) + (1 if forward else -1)
    if not 0 <= at < len(stops):
        return False
    reason = QtCore.Qt.FocusReason
    stops[at].setFocus(reason.TabFocusReason if forward else reason.BacktabFocusReason)
    return True


def leave(inside: QtWidgets.QWidget) -> None:
    """Give the keys back to the canvas, where there is one."""
    window: QtWidgets.QWidget | None = inside
    while window is not None and not isinstance(window, QtWidgets.QMainWindow):
        window = window.parentWidget()
    area = None if window is None else window.findChild(QtWidgets.QMdiArea)
    canvas = None if area is None else area.activeSubWindow()
    if window is not None and canvas is not None:
        # the docker may float, as a window of its own
        window.activateWindow()
        canvas.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)
        return
    now = QtWidgets.QApplication.focusWidget()
    if now is not None and inside.isAncestorOf(now):
        now.clearFocus()


def _in_order(inside: QtWidgets.QWidget) -> list[QtWidgets.QWidget]:
    found, widget = [], inside.nextInFocusChain()
    while widget is not None and widget is not inside:
        if inside.isAncestorOf(widget):
            found.append(widget)
        widget = widget.nextInFocusChain()
    return found


def _is_stop(widget: QtWidgets.QWidget) -> bool:
    tab = QtCore.Qt.FocusPolicy.TabFocus
    takes = widget.focusPolicy() & tab == tab
    return bool(takes) and widget.isVisible() and widget.isEnabled() and widget.focusProxy() is None
