"""The line at the top: how it stands with the backend, how far it is, Start and Stop."""

from __future__ import annotations

from typing import Final

from ..qt import QtWidgets
from ..studio import BackendState, Studio
from . import words
from .buttons import IconButton, IconSource
from .glyph import Glyph, Shape
from .text import ElidedLabel, GlanceLabel, WrappedText

SHAPES: Final = {
    BackendState.NOT_RUNNING: Shape.RING,
    BackendState.STARTING: Shape.HALF,
    BackendState.CONNECTING: Shape.HALF,
    BackendState.READY: Shape.DISC,
    BackendState.BUSY: Shape.TARGET,
    BackendState.LOST: Shape.ALERT,
    BackendState.REFUSED: Shape.CROSS,
}


class StatusLine(QtWidgets.QWidget):
    """A sign, the words for it, what it paints on, Start or Stop; and below, what is wrong, where something is.

    While a job is at work it tells how far that is: in a low docker the job's own row is out of sight.
    """

    def __init__(self, studio: Studio, icon: IconSource) -> None:
        super().__init__()
        self._studio = studio
        self._sign = Glyph(Shape.RING)
        self._words = ElidedLabel()
        self._words.setObjectName("scumbleStatus")
        self._glance = GlanceLabel()
        self._glance.setObjectName("scumbleGlance")
        self._start = IconButton(
            icon,
            ("media-playback-start",),
            "Start",
            "Start the backend, which paints. Generate starts it as well",
            True,
        )
        self._start.setObjectName("scumbleStart")
        self._start.clicked.connect(lambda: studio.start_backend())
        self._stop = IconButton(
            icon, ("media-playback-stop",), "Stop", "Stop the backend and free the memory that it holds", True
        )
        self._stop.setObjectName("scumbleStop")
        self._stop.clicked.connect(lambda: studio.stop_backend())
        self._trouble = WrappedText()
        self._trouble.setObjectName("scumbleTrouble")
        self._trouble.setToolTip("What is wrong with the backend, and what to do")
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self._sign)
        line.addWidget(self._words)
        line.addWidget(self._glance, 1)
        line.addWidget(self._start)
        line.addWidget(self._stop)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(line)
        layout.addWidget(self._trouble)

    def read(self) -> None:
        """Show how it stands now."""
        view = self._studio.backend
        self._sign.show_shape(SHAPES[view.state])
        self._words.setText(words.BACKEND[view.state])
        self.read_jobs()
        hint = words.backend_hint(view)
        for label in (self._words, self._glance):
            label.set_hint(hint)
        self._sign.setToolTip(hint)
        self._start.setVisible(view.can_start)
        self._stop.setVisible(view.can_stop)
        self._read_trouble()

    def read_jobs(self) -> None:
        """Show how far the job at work is, or what is painted on."""
        said = words.glance_words(self._studio.jobs) or self._studio.backend.device
        if self._glance.text() != said:
            self._glance.setText(said)

    def _read_trouble(self) -> None:
        trouble, notice = self._studio.backend.trouble, self._studio.notice
        # a notice that tells the same says it once
        if trouble is None or (notice is not None and notice.happened == trouble.happened):
            self._trouble.hide()
            return
        self._trouble.say(trouble.happened, trouble.remedy)
        self._trouble.show()
