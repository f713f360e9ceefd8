"""The docker's inside: every part below the other, in a frame that scrolls."""

from __future__ import annotations

from typing import Final

from ..qt import QtCore, QtGui, QtWidgets
from ..studio import Studio
from . import keys
from .buttons import IconSource
from .guard import guarded
from .jobs import JobsPart
from .notice import NoticePart
from .offers import ElsewhereLine, OffersPart
from .request import RequestPart
from .settings import SettingsPart
from .status import StatusLine
from .text import WrappedText
from .travel import leave, travel

MARGIN: Final = 4
"""Pixels around the parts, as in Krita's own dockers."""

SPACING: Final = 6
"""Pixels between two parts."""

NO_DOCUMENT: Final = "No document is open. Open or create one to paint on."


class Panel(QtWidgets.QWidget):
    """Shows the studio and passes on what the painter does. `icon` is Krita's `icon`.

    It may stand in any number of windows at once. `more_toggled` tells that the part that folds was opened or closed, for
    whoever keeps that over Krita's end; `open_more` sets it.
    """

    more_toggled = QtCore.pyqtSignal(bool)

    def __init__(self, studio: Studio, icon: IconSource, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("scumblePanel")
        self._studio = studio
        self._status = StatusLine(studio, icon)
        self._hint = WrappedText()
        self._hint.setObjectName("scumbleHint")
        self._hint.say(NO_DOCUMENT)
        self._request = RequestPart(studio, icon)
        self._notice = NoticePart(studio, icon)
        self._settings = SettingsPart(studio, icon)
        self._settings.fold.toggled.connect(self.more_toggled)
        self._settings.asked.connect(self._request.ask)
        self._settings.strength_changed.connect(self._request.name_button)
        self._jobs = JobsPart(studio, icon)
        self._offers = OffersPart(studio)
        self._elsewhere = ElsewhereLine(studio)
        inside = QtWidgets.QWidget()
        parts = QtWidgets.QVBoxLayout(inside)
        parts.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        parts.setSpacing(SPACING)
        for part in self._parts():
            parts.addWidget(part)
        parts.addStretch(1)
        self._scroll = _Scroll(inside)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scroll)
        self._listen()
        self._read_all()

    def open_more(self, opened: bool) -> None:
        """Unfold or fold the settings that are seldom needed."""
        self._settings.fold.open(opened)

    def event(self, event: QtCore.QEvent | None) -> bool:
        """Keep the keys that a control of the docker needs from Krita's shortcuts: Tab would hide the dockers."""
        now = QtWidgets.QApplication.focusWidget()
        if isinstance(event, QtGui.QKeyEvent) and keys.is_override(event) and keys.keeps(now, event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go back to the canvas on Escape; press the button that has the focus on Enter, which Qt does in dialogs only."""
        if event is not None and event.key() == QtCore.Qt.Key.Key_Escape:
            leave(self)
        elif event is None or not keys.press(QtWidgets.QApplication.focusWidget(), event):
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802 - Qt's name
        """Go to the docker's next control, and from the last one out of it."""
        return travel(self, forward) or super().focusNextPrevChild(forward)

    def _parts(self) -> tuple[QtWidgets.QWidget, ...]:
        return (
            *(self._status, self._hint, self._request, self._notice),
            *(self._settings, self._jobs, self._offers, self._elsewhere),
        )

    def _listen(self) -> None:
        studio = self._studio
        studio.document_changed.connect(self._read_all)
        studio.settings_changed.connect(self._read_settings)
        studio.styles_changed.connect(self._read_styles)
        studio.loras_changed.connect(self._read_loras)
        studio.references_changed.connect(self._read_references)
        studio.jobs_changed.connect(self._read_jobs)
        studio.offers_changed.connect(self._read_offers)
        studio.backend_changed.connect(self._read_backend)
        studio.notice_changed.connect(self._read_notice)

    @guarded
    def _read_all(self) -> None:
        there = self._studio.has_document
        self._hint.setVisible(not there)
        self._settings.setEnabled(there)
        self._read_settings()
        self._read_backend()
        self._read_jobs()
        self._read_offers()
        self._read_notice()

    @guarded
    def _read_settings(self) -> None:
        self._request.read_settings()
        self._settings.read_settings()

    @guarded
    def _read_styles(self) -> None:
        self._request.read_model()
        self._settings.read_styles()
        self._request.name_button()

    @guarded
    def _read_loras(self) -> None:
        self._request.read_model()

    @guarded
    def _read_references(self) -> None:
        self._settings.references.read()

    @guarded
    def _read_backend(self) -> None:
        self._status.read()
        self._request.read_state()

    @guarded
    def _read_jobs(self) -> None:
        self._jobs.read()
        self._status.read_jobs()
        self._request.read_state()

    @guarded
    def _read_offers(self) -> None:
        self._offers.read()
        self._elsewhere.read()

    @guarded
    def _read_notice(self) -> None:
        was_hidden = self._notice.isHidden()
        self._notice.read()
        self._status.read()
        if was_hidden and not self._notice.isHidden():
            # a method, and no function of its own: Qt drops it when the window is closed meanwhile
            QtCore.QTimer.singleShot(0, self._scroll_to_notice)

    @guarded
    def _scroll_to_notice(self) -> None:
        self._scroll.ensureWidgetVisible(self._notice, 0, MARGIN)


class _Scroll(QtWidgets.QScrollArea):
    """Scrolls up and down only, and is never narrower than what it holds."""

    def __init__(self, inside: QtWidgets.QWidget) -> None:
        super().__init__()
        self._asked = QtCore.QSize()
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # the parts are what the keyboard goes to
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        # the docker's own ground shows through
        self.setWidget(inside)
        inside.setAutoFillBackground(False)
        viewport = self.viewport()
        if viewport is not None:
            viewport.setAutoFillBackground(False)

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the width of the widest part, and a scroll bar's beside it."""
        inside, bar = self.widget(), self.verticalScrollBar()
        wide = 0 if inside is None else inside.minimumSizeHint().width()
        beside = 0 if bar is None else bar.sizeHint().width()
        return QtCore.QSize(wide + beside, super().minimumSizeHint().height())

    def eventFilter(self, watched: QtCore.QObject | None, event: QtCore.QEvent | None) -> bool:  # noqa: N802 - Qt's name
        """Ask for another width where a part that has just appeared needs it.

        Only then: Krita lays its whole window out anew for it, and draws it again, canvas included.
        """
        if event is not None and event.type() == QtCore.QEvent.Type.LayoutRequest and watched is self.widget():
            wanted = self.minimumSizeHint()
            if wanted != self._asked:
                self._asked = wanted
                self.updateGeometry()
        return super().eventFilter(watched, event)
