"""The fields for words: as tall as what is written, and every key of writing stays theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..qt import QtCore, QtGui, QtWidgets
from . import keys

MOST_LINES: Final = 8
"""A field grows up to this, then scrolls: a longer prompt would push Generate out of a low docker."""


class PromptField(QtWidgets.QPlainTextEdit):
    """Where the painter says what belongs there. Shift+Enter asks for it."""

    asked = QtCore.pyqtSignal()
    edited = QtCore.pyqtSignal()
    """The painter changed the text; not sent for `show_text`."""

    def __init__(self, fewest_lines: int, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._fewest = fewest_lines
        self._showing = False
        self.completing: Callable[[], bool] = lambda: False
        """Whether a list of words to choose from is open, which then gets the keys that choose."""
        self.setTabChangesFocus(True)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QtGui.QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.textChanged.connect(self._changed)
        layout = self._text_document().documentLayout()
        assert layout is not None
        layout.documentSizeChanged.connect(self._fit)
        self._lines = 0
        self._fit()

    def show_text(self, text: str) -> None:
        """Show a text that was set elsewhere; the same one leaves cursor and undo as they are."""
        if text == self.toPlainText():
            return
        self._showing = True
        try:
            at = self.textCursor().position()
            self.setPlainText(text)
            cursor = self.textCursor()
            cursor.setPosition(min(at, self._text_document().characterCount() - 1))
            self.setTextCursor(cursor)
        finally:
            self._showing = False

    def event(self, event: QtCore.QEvent | None) -> bool:
        """Keep the keys of writing from Krita's shortcuts."""
        if keys.is_override(event) and isinstance(event, QtGui.QKeyEvent) and _is_mine(event):
            event.accept()
            return True
        if isinstance(event, QtGui.QKeyEvent) and self._leaves(event):
            # here, since Tab never comes as far as to `keyPressEvent`
            event.ignore()
            return True
        return super().event(event)

    def _leaves(self, event: QtGui.QKeyEvent) -> bool:
        """Whether the key belongs to the list that is open."""
        return event.type() == QtCore.QEvent.Type.KeyPress and event.key() in _CHOOSING and self.completing()

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Ask on Shift+Enter, else write."""
        if event is not None and _is_ask(event):
            event.accept()
            self.asked.emit()
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QtCore.QMimeData | None) -> None:  # noqa: N802 - Qt's name
        """Paste words only; a picture's file name dropped by mistake is none."""
        if source is not None and source.hasText() and not source.hasUrls():
            super().insertFromMimeData(source)

    def changeEvent(self, event: QtCore.QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the font."""
        super().changeEvent(event)
        if event is not None and event.type() == QtCore.QEvent.Type.FontChange:
            self._lines = 0
            self._fit()

    def _changed(self) -> None:
        if not self._showing:
            self.edited.emit()

    def _fit(self) -> None:
        # a plain text document measures its height in lines
        lines = min(MOST_LINES, max(self._fewest, round(self._text_document().size().height())))
        if lines != self._lines:
            self._lines = lines
            margins = 2 * self.frameWidth() + 2 * self._text_document().documentMargin()
            self.setFixedHeight(round(lines * self.fontMetrics().lineSpacing() + margins))

    def _text_document(self) -> QtGui.QTextDocument:
        document = self.document()
        assert document is not None
        return document


_CHOOSING: Final = frozenset(
    {
        *(QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter, QtCore.Qt.Key.Key_Tab),
        *(QtCore.Qt.Key.Key_Backtab, QtCore.Qt.Key.Key_Escape),
    }
)
"""Keys that a list of words takes, when the field leaves them to it."""


def _is_mine(event: QtGui.QKeyEvent) -> bool:
    return keys.is_editing(event) or _is_ask(event)


def _is_ask(event: QtGui.QKeyEvent) -> bool:
    pad = QtCore.Qt.KeyboardModifier.KeypadModifier
    only_shift = event.modifiers() & ~pad == QtCore.Qt.KeyboardModifier.ShiftModifier
    return only_shift and event.key() in (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
