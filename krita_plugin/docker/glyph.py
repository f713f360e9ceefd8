"""Small signs that the palette colours and the shape explains: how it stands with the backend, how grave a notice is."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ..qt import QtCore, QtGui, QtWidgets

ROOM: Final = 0.16
"""Part of the sign's box that stays free on each side."""


class Shape(Enum):
    """A sign. No two of them differ by colour alone."""

    RING = "ring"
    HALF = "half"
    DISC = "disc"
    TARGET = "target"
    ALERT = "alert"
    CROSS = "cross"
    LETTER_I = "i"


class Glyph(QtWidgets.QWidget):
    """A sign as tall as a line of text."""

    def __init__(self, shape: Shape, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._shape = shape
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Fixed, QtWidgets.QSizePolicy.Policy.Fixed)

    def show_shape(self, shape: Shape) -> None:
        """Show another sign."""
        if shape is not self._shape:
            self._shape = shape
            self.update()

    def shape(self) -> Shape:
        """Return the sign that is shown."""
        return self._shape

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return a square of a text line's height."""
        side = self.fontMetrics().height()
        return QtCore.QSize(side, side)

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the sign."""
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        side = float(min(self.width(), self.height()))
        box = QtCore.QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)
        inset = side * ROOM
        draw(painter, self._shape, box.adjusted(inset, inset, -inset, -inset), self.palette())


def draw(painter: QtGui.QPainter, shape: Shape, box: QtCore.QRectF, palette: QtGui.QPalette) -> None:
    """Draw a sign into a square box, in the palette's colours."""
    role = QtGui.QPalette.ColorRole
    ink, accent = palette.color(role.WindowText), palette.color(role.Highlight)
    pen = QtGui.QPen(ink, max(1.2, box.width() / 9))
    if shape is Shape.RING:
        ink.setAlphaF(0.6)
        pen.setColor(ink)
        painter.setPen(pen)
        painter.drawEllipse(box)
    elif shape is Shape.HALF:
        painter.setPen(pen)
        painter.drawEllipse(box)
        painter.setBrush(ink)
        painter.drawPie(box, 90 * 16, 180 * 16)
    elif shape in (Shape.DISC, Shape.TARGET):
        painter.setPen(QtGui.QPen(accent, pen.widthF()))
        if shape is Shape.DISC:
            painter.setBrush(accent)
        painter.drawEllipse(box)
        if shape is Shape.TARGET:
            painter.setPen(QtCore.Qt.PenStyle.NoPen)
            painter.setBrush(accent)
            painter.drawEllipse(box.center(), box.width() / 4, box.width() / 4)
    else:
        painter.setPen(pen)
        _draw_letter(painter, shape, box, ink)


def _draw_letter(painter: QtGui.QPainter, shape: Shape, box: QtCore.QRectF, ink: QtGui.QColor) -> None:
    centre, width = box.center(), box.width()
    if shape is Shape.ALERT:
        painter.drawPolygon(
            QtGui.QPolygonF([QtCore.QPointF(centre.x(), box.top()), box.bottomRight(), box.bottomLeft()])
        )
        top, low, dot = centre.y() - width * 0.12, centre.y() + width * 0.14, centre.y() + width * 0.32
    else:
        painter.drawEllipse(box)
        top, low, dot = centre.y() - width * 0.05, centre.y() + width * 0.27, centre.y() - width * 0.24
    if shape is Shape.CROSS:
        arm = width * 0.2
        painter.drawLine(centre + QtCore.QPointF(-arm, -arm), centre + QtCore.QPointF(arm, arm))
        painter.drawLine(centre + QtCore.QPointF(-arm, arm), centre + QtCore.QPointF(arm, -arm))
        return
    painter.drawLine(QtCore.QPointF(centre.x(), top), QtCore.QPointF(centre.x(), low))
    painter.setPen(QtCore.Qt.PenStyle.NoPen)
    painter.setBrush(ink)
    painter.drawEllipse(QtCore.QPointF(centre.x(), dot), width * 0.075, width * 0.075)
