"""What is told to the painter: what happened, what to do, and buttons that do it."""

from __future__ import annotations

from typing import Final

from ..qt import QtCore, QtWidgets
from ..studio import Notice, NoticeAction, NoticeKind, Studio
from . import words
from .buttons import CLOSE_ICONS, IconButton, IconSource
from .glyph import Glyph, Shape
from .opening import open_path
from .text import WrappedText

SHAPES: Final = {
    NoticeKind.INFO: Shape.LETTER_I,
    NoticeKind.WARNING: Shape.ALERT,
    NoticeKind.ERROR: Shape.CROSS,
}

NAMES: Final = {
    NoticeAction.OPEN_LOG: "scumbleOpenLog",
    NoticeAction.START: "scumbleNoticeStart",
    NoticeAction.STOP_ANYWAY: "scumbleNoticeStopAnyway",
    NoticeAction.RETRY: "scumbleNoticeRetry",
    NoticeAction.BRING_BACK: "scumbleNoticeBringBack",
}


class NoticePart(QtWidgets.QFrame):
    """The newest notice, until it is dismissed; hidden where there is none."""

    def __init__(self, studio: Studio, icon: IconSource) -> None:
        super().__init__()
        self._studio = studio
        self._shown: Notice | None = None
        self.setObjectName("scumbleNotice")
        self.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        self._sign = Glyph(Shape.LETTER_I)
        self._text = WrappedText()
        self._text.setObjectName("scumbleNoticeText")
        self._dismiss = IconButton(icon, CLOSE_ICONS, "Dismiss", "Dismiss this message")
        self._dismiss.setObjectName("scumbleNoticeDismiss")
        self._dismiss.clicked.connect(lambda: studio.dismiss_notice())
        self._buttons = QtWidgets.QWidget()
        self._actions = {action: self._button(action) for action in NoticeAction}
        line = QtWidgets.QHBoxLayout(self._buttons)
        line.setContentsMargins(0, 0, 0, 0)
        for button in self._actions.values():
            line.addWidget(button)
        line.addStretch(1)
        grid = QtWidgets.QGridLayout(self)
        grid.setContentsMargins(4, 4, 4, 4)
        grid.setColumnStretch(1, 1)
        top = QtCore.Qt.AlignmentFlag.AlignTop
        grid.addWidget(self._sign, 0, 0, top)
        grid.addWidget(self._text, 0, 1)
        grid.addWidget(self._dismiss, 0, 2, top)
        grid.addWidget(self._buttons, 1, 0, 1, 3)
        self.hide()

    def read(self) -> None:
        """Show the notice that there is."""
        notice = self._studio.notice
        if notice == self._shown:
            return
        self._shown = notice
        if notice is None:
            self.hide()
            return
        self._sign.show_shape(SHAPES[notice.kind])
        self._sign.setToolTip(words.KINDS[notice.kind])
        # a heading only where something is wrong: what is good to know is said quietly
        self._text.say(notice.happened, notice.remedy, bold=notice.kind is not NoticeKind.INFO)
        self._text.setAccessibleName(f"{words.KINDS[notice.kind]}. {self._text.text()}")
        for action, button in self._actions.items():
            button.setVisible(action in notice.actions)
        self._buttons.setVisible(bool(notice.actions))
        self.show()

    def _button(self, action: NoticeAction) -> QtWidgets.QToolButton:
        said, tip = words.ACTIONS[action]
        button = QtWidgets.QToolButton()
        button.setObjectName(NAMES[action])
        button.setText(said)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self._act(action))
        return button

    def _act(self, action: NoticeAction) -> None:
        if action is NoticeAction.OPEN_LOG:
            open_path(self._studio.log_file, self._actions[action])
        else:
            self._studio.act(action)
