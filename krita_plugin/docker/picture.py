"""A picture as wide as the docker, and the same one large beside it."""

from __future__ import annotations

from typing import Final

from ..qt import QtCore, QtGui, QtWidgets

CHECK_SIDE: Final = 8
"""Pixels of a check of the ground that shows through clear pixels: Krita's own usual size is about this."""

POPUP_SHARE: Final = 0.9
"""Part of the screen that the large picture may take."""


class Picture(QtWidgets.QWidget):
    """Shows one picture in full, as wide as there is room and at most `most_height` pixels tall; never larger than it is
    unless it is smaller than the room. Without a picture it is hidden."""

    pressed = QtCore.pyqtSignal()

    def __init__(self, most_height: int, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QtGui.QImage | None = None
        self._scaled: QtGui.QPixmap | None = None
        self._most_height = most_height
        policy = QtWidgets.QSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.hide()

    def show_image(self, image: QtGui.QImage | None) -> None:
        """Show another picture, or none. The image must not change any more."""
        if image is self._image:
            return
        other_shape = image is None or self._image is None or image.size() != self._image.size()
        self._image, self._scaled = image, None
        self.setVisible(image is not None and not image.isNull())
        if other_shape:
            self.updateGeometry()
        self.update()

    def image(self) -> QtGui.QImage | None:
        """Return the picture that is shown."""
        return self._image

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Return True: pictures keep their shape."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Return the height, in pixels, of the picture at that width."""
        if self._image is None or self._image.isNull():
            return 0
        return max(1, min(self._most_height, width * self._image.height() // self._image.width()))

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the size at the present width."""
        return QtCore.QSize(self.width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return next to nothing: a picture takes what room there is."""
        return QtCore.QSize(1, 1)

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Tell of a click."""
        if (
            event is not None
            and event.button() == QtCore.Qt.MouseButton.LeftButton
            and self.rect().contains(event.pos())
        ):
            self.pressed.emit()

    def resizeEvent(self, event: QtGui.QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Scale again where the room is another one."""
        super().resizeEvent(event)
        self._scaled = None

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the picture in the middle."""
        if self._image is None or self._image.isNull():
            return
        if self._scaled is None:
            self._scaled = fitted(self._image, self.size(), self.devicePixelRatioF())
        painter = QtGui.QPainter(self)
        draw_picture(painter, self._scaled, self.rect(), self.palette())


def fitted(image: QtGui.QImage, room: QtCore.QSize, ratio: float) -> QtGui.QPixmap:
    """Return the picture scaled into `room`, in pixels of a screen with that device pixel ratio."""
    pixels = QtCore.QSize(max(1, round(room.width() * ratio)), max(1, round(room.height() * ratio)))
    scaled = image.scaled(
        pixels, QtCore.Qt.AspectRatioMode.KeepAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation
    )
    pixmap = QtGui.QPixmap.fromImage(scaled)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def draw_picture(
    painter: QtGui.QPainter, pixmap: QtGui.QPixmap, room: QtCore.QRect, palette: QtGui.QPalette
) -> QtCore.QRect:
    """Draw a pixmap in the middle of `room`, above checks where it has clear pixels; return where it lies."""
    size = (QtCore.QSizeF(pixmap.size()) / pixmap.devicePixelRatio()).toSize()
    place = QtCore.QRect(QtCore.QPoint(0, 0), size)
    place.moveCenter(room.center())
    if pixmap.hasAlphaChannel():
        _draw_checks(painter, place, palette)
    painter.drawPixmap(place.topLeft(), pixmap)
    return place


def _draw_checks(painter: QtGui.QPainter, place: QtCore.QRect, palette: QtGui.QPalette) -> None:
    role = QtGui.QPalette.ColorRole
    painter.fillRect(place, palette.color(role.Mid))
    painter.save()
    painter.setClipRect(place)
    light = palette.color(role.Midlight)
    for row, y in enumerate(range(place.top(), place.bottom() + 1, CHECK_SIDE)):
        for x in range(place.left() + row % 2 * CHECK_SIDE, place.right() + 1, 2 * CHECK_SIDE):
            painter.fillRect(x, y, CHECK_SIDE, CHECK_SIDE, light)
    painter.restore()


class LargePicture(QtWidgets.QFrame):
    """The picture as large as it is, above everything, until the next click or key. Not modal."""

    def __init__(self, image: QtGui.QImage, beside: QtWidgets.QWidget) -> None:
        super().__init__(beside, QtCore.Qt.WindowType.Popup)
        self.setObjectName("scumbleLargePopup")
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self.setAccessibleName("The picture, large; any key closes it")
        self._image = image
        screen = beside.screen()
        room = QtCore.QRect(0, 0, 1024, 768) if screen is None else screen.availableGeometry()
        size = image.size()
        most = room.size() * POPUP_SHARE
        if size.width() > most.width() or size.height() > most.height():
            size = size.scaled(most, QtCore.Qt.AspectRatioMode.KeepAspectRatio)
        border = 2 * self.frameWidth()
        self.resize(size + QtCore.QSize(border, border))
        self.move(_beside(beside, self.size(), room))

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the picture and the frame."""
        super().paintEvent(event)
        painter = QtGui.QPainter(self)
        room = self.contentsRect()
        draw_picture(painter, fitted(self._image, room.size(), self.devicePixelRatioF()), room, self.palette())

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Close."""
        self.close()

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Close."""
        self.close()


def _beside(widget: QtWidgets.QWidget, size: QtCore.QSize, room: QtCore.QRect) -> QtCore.QPoint:
    """Return where a frame of that size lies next to a widget, on the side that has room, and on the screen."""
    corner = widget.mapToGlobal(QtCore.QPoint(0, 0))
    x = corner.x() - size.width()
    if x < room.left():
        x = corner.x() + widget.width()
    x = max(room.left(), min(x, room.right() + 1 - size.width()))
    y = max(room.top(), min(corner.y(), room.bottom() + 1 - size.height()))
    return QtCore.QPoint(x, y)
