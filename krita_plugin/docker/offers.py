"""The pictures that wait for the painter: small, the chosen one large, and what to do with it."""

from __future__ import annotations

from typing import Final

from ..qt import QtGui, QtWidgets
from ..studio import Studio
from .guard import guarded
from .picture import LargePicture, Picture
from .text import ElidedLabel
from .thumbnails import Thumbnails

MOST_LARGE_HEIGHT: Final = 480
"""Pixels of the chosen picture inside the docker: half of a common screen's height."""


class OffersPart(QtWidgets.QWidget):
    """Thumbnails; Apply, Discard, Discard all; the chosen one as wide as the docker. Hidden where nothing waits."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._looked: tuple[str, int] | None = None
        self._thumbnails = Thumbnails()
        self._thumbnails.chosen.connect(self._choose)
        self._thumbnails.applied.connect(self._apply)
        self._thumbnails.discarded.connect(self._discard)
        self._thumbnails.enlarged.connect(self._enlarge)
        self._apply_button = QtWidgets.QPushButton("Apply")
        self._apply_button.setObjectName("scumbleApply")
        self._apply_button.setToolTip("Add the chosen picture as a layer. Enter, or a double click on it")
        self._apply_button.clicked.connect(lambda: self._apply())
        self._discard_button = QtWidgets.QPushButton("Discard")
        self._discard_button.setObjectName("scumbleDiscard")
        self._discard_button.setToolTip("Let the chosen picture go. Layers that were applied stay. Delete")
        self._discard_button.clicked.connect(lambda: self._discard())
        self._all_button = QtWidgets.QPushButton("Discard all")
        self._all_button.setObjectName("scumbleDiscardAll")
        self._all_button.setToolTip(
            "Let every picture go that waits here. Layers that were applied stay, and it can be undone"
        )
        self._all_button.clicked.connect(lambda: studio.discard_all())
        self._large = Picture(MOST_LARGE_HEIGHT)
        self._large.setObjectName("scumbleLarge")
        self._large.setAccessibleName("The chosen picture")
        self._large.setToolTip("The chosen picture. A click, or Space on the small one, shows it as large as it is")
        self._large.pressed.connect(self._enlarge)
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self._apply_button, 1)
        buttons.addWidget(self._discard_button)
        buttons.addWidget(self._all_button)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._thumbnails)
        layout.addLayout(buttons)
        layout.addWidget(self._large)
        self.hide()

    def read(self) -> None:
        """Show what waits now."""
        offers = self._studio.offers
        self.setVisible(bool(offers))
        self._thumbnails.show_offers(offers, self._studio.chosen)
        self._all_button.setVisible(len(offers) > 1)
        self._look()

    @guarded
    def _choose(self) -> None:
        key = self._thumbnails.chosen_key()
        if key is not None and key != self._studio.chosen:
            self._studio.choose(*key)
        self._look()

    def _look(self) -> None:
        key = self._thumbnails.chosen_key()
        if key is None:
            self._looked = None
            self._large.show_image(None)
        elif key != self._looked:
            image = self._studio.look(*key)
            # one that is not here yet is asked for again when it has come
            self._looked = key if image is not None else None
            self._large.show_image(image if image is not None else self._small(key))

    def _small(self, key: tuple[str, int]) -> QtGui.QImage | None:
        return next((each.thumbnail for each in self._studio.offers if (each.job, each.index) == key), None)

    @guarded
    def _apply(self) -> None:
        key = self._thumbnails.chosen_key()
        if key is not None:
            self._studio.apply(*key)

    @guarded
    def _discard(self) -> None:
        key = self._thumbnails.chosen_key()
        if key is not None:
            self._studio.discard(*key)

    @guarded
    def _enlarge(self) -> None:
        image = self._large.image()
        if image is not None:
            LargePicture(image, self).show()


class ElsewhereLine(ElidedLabel):
    """Tells that pictures wait in other documents."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.setObjectName("scumbleElsewhere")
        self.hide()

    def read(self) -> None:
        """Show for which documents pictures wait."""
        names = self._studio.elsewhere
        self.setText(f"Results wait in: {', '.join(names)}")
        self.set_hint("Open these documents, or go to their window, to see the results:\n" + "\n".join(names))
        self.setVisible(bool(names))
