"""Texts that fit into a narrow docker: one line that is elided, and several that wrap anywhere."""

from __future__ import annotations

import html
from typing import Final

from ..qt import QtCore, QtGui, QtWidgets

FEWEST_CHARS: Final = 4
"""Characters of an elided text that stay to be seen: with fewer it tells nothing."""

DIM: Final = 0.65
"""Opacity of texts that matter less: lighter than the rest, and still 4.5 to 1 above the ground in Krita's themes."""

LEAST_WIDTH: Final = 120
"""Pixels of a wrapping text: narrower, it becomes a column of single words."""


class ElidedLabel(QtWidgets.QLabel):
    """One line of plain text that ends in "…" where there is no room; the whole of it is in the tooltip then."""

    def __init__(self, dim: bool = False) -> None:
        super().__init__()
        self._hint, self._dim = "", dim
        self.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Fixed)

    def set_hint(self, hint: str) -> None:
        """Set what the tooltip says besides the text itself."""
        self._hint = hint
        self.setToolTip(hint)

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the size of a few characters, or of the text where it is shorter."""
        least = self.fontMetrics().horizontalAdvance("x" * FEWEST_CHARS + "…")
        return QtCore.QSize(min(least, self.sizeHint().width()), super().minimumSizeHint().height())

    def is_elided(self) -> bool:
        """Return whether the text is not to be seen in full."""
        return self._shown() != self.text()

    def event(self, event: QtCore.QEvent | None) -> bool:
        """Put the tooltip together when it is asked for."""
        if event is not None and event.type() == QtCore.QEvent.Type.ToolTip:
            whole = self.text() if self.is_elided() else ""
            self.setToolTip("\n".join(filter(None, (whole, self._hint))))
        return super().event(event)

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw as much as fits."""
        painter = QtGui.QPainter(self)
        group = QtGui.QPalette.ColorGroup.Normal if self.isEnabled() else QtGui.QPalette.ColorGroup.Disabled
        painter.setPen(self.palette().color(group, self.foregroundRole()))
        painter.setOpacity(DIM if self._dim else 1.0)
        painter.drawText(QtCore.QRectF(self.contentsRect()), self._shown(), QtGui.QTextOption(self.alignment()))

    def _shown(self) -> str:
        room = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), QtCore.Qt.TextElideMode.ElideRight, room)


class GlanceLabel(ElidedLabel):
    """An elided text that changes often, in a place that does not follow it: no layout is asked for another one."""

    def __init__(self) -> None:
        super().__init__(dim=True)
        self._said = ""
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Fixed)
        # Qt's own text gives it the height of a line
        super().setText("…")

    def setText(self, said: str | None) -> None:  # noqa: N802 - Qt's name
        """Show another text."""
        self._said = said or ""
        self.setAccessibleName(self._said)
        self.update()

    def text(self) -> str:
        """Return what is shown."""
        return self._said


class WrappedText(QtWidgets.QTextEdit):
    """Text to read and to select, as tall as it needs; it wraps inside of words too, as a path must."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QtGui.QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTabChangesFocus(True)
        flags = QtCore.Qt.TextInteractionFlag
        self.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
        # it is a label to look at, so it has the ground of what it stands on
        viewport = self.viewport()
        if viewport is not None:
            viewport.setAutoFillBackground(False)
        self._text_document().setDocumentMargin(0)
        policy = QtWidgets.QSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._parts = ("", "")
        self._ink()

    def say(self, first: str, then: str = "", bold: bool = False) -> None:
        """Show `first`, bold where asked, and `then` below it."""
        if (first, then) == self._parts:
            return
        self._parts = (first, then)
        head = f"<b>{html.escape(first)}</b>" if bold else html.escape(first)
        self.setHtml("<br>".join(filter(None, (head, html.escape(then)))))
        self.setAccessibleName(self.text())
        self.updateGeometry()

    def text(self) -> str:
        """Return what is shown, as plain text: `first`, a new line, `then`."""
        return "\n".join(filter(None, self._parts))

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Return True: the text wraps."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Return the height, in pixels, of the text at that width."""
        document = self._text_document().clone()
        if document is None:
            return self.fontMetrics().height()
        document.setTextWidth(max(1, width))
        return int(document.size().height() + 0.999)

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return one line of the least width."""
        return QtCore.QSize(LEAST_WIDTH, self.fontMetrics().height())

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the size at the present width."""
        width = max(LEAST_WIDTH, self.width())
        return QtCore.QSize(width, self.heightForWidth(width))

    def resizeEvent(self, event: QtGui.QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Ask for another height where the width is another one."""
        super().resizeEvent(event)
        if event is not None and event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def changeEvent(self, event: QtCore.QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() in (QtCore.QEvent.Type.FontChange, QtCore.QEvent.Type.PaletteChange):
            self._ink()
            self.updateGeometry()

    def wheelEvent(self, event: QtGui.QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let the docker scroll."""
        if event is not None:
            event.ignore()

    def _ink(self) -> None:
        # text fields write in the colour of fields, this one stands on the docker's ground
        palette, role = self.palette(), QtGui.QPalette.ColorRole
        for group in (QtGui.QPalette.ColorGroup.Active, QtGui.QPalette.ColorGroup.Inactive):
            if palette.color(group, role.Text) != palette.color(group, role.WindowText):
                palette.setColor(group, role.Text, palette.color(group, role.WindowText))
                self.setPalette(palette)

    def _text_document(self) -> QtGui.QTextDocument:
        document = self.document()
        assert document is not None
        return document
