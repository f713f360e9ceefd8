"""The layers that the model is shown, in a list; only where the model works from such."""

from __future__ import annotations

from typing import Final

from ..qt import QtCore, QtGui, QtWidgets
from ..studio import ReferenceView, Studio
from . import words
from .buttons import CLOSE_ICONS, IconButton, IconSource
from .picture import draw_picture, fitted
from .text import ElidedLabel

THUMBNAIL_SIDE: Final = 24
"""Pixels of a thumbnail: as tall as a line with a button in it."""


class ReferencesPart(QtWidgets.QWidget):
    """What is chosen, a row each, and a button that adds the active layer. Hidden where the model takes none."""

    def __init__(self, studio: Studio, icon: IconSource) -> None:
        super().__init__()
        self.setObjectName("scumbleReferences")
        self.setAccessibleName("Layers that the model is shown")
        self._studio, self._icon = studio, icon
        self._rows: dict[str, _Row] = {}
        self._title = ElidedLabel()
        self._title.setObjectName("scumbleReferencesTitle")
        self._add = IconButton(icon, ("list-add", "addlayer"), "Add layer", words.ADD_REFERENCE, True)
        self._add.setObjectName("scumbleReferenceAdd")
        self._add.clicked.connect(lambda: studio.add_reference())
        head = QtWidgets.QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self._add)
        self._layout = QtWidgets.QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addLayout(head)
        self.hide()

    def read(self) -> None:
        """Show the references that there are: rows come and go with them, and are changed in place else."""
        references, room, model = self._studio.references, self._studio.reference_room, self._studio.model
        self.setVisible(room > 0)
        there = {reference.layer for reference in references}
        for gone in self._rows.keys() - there:
            self._drop(self._rows.pop(gone))
        for at, reference in enumerate(references, 1):
            row = self._rows.get(reference.layer) or self._make(reference)
            if self._layout.indexOf(row) != at:
                self._layout.insertWidget(at, row)
            row.show_reference(reference)
        alone = model is not None and model.references == 1
        self._title.setText(words.references_title(alone))
        self._title.set_hint(words.references_hint(alone, room))
        self._add.setEnabled(self._studio.has_document and len(references) < room)
        self._add.setToolTip(words.ADD_REFERENCE if len(references) < room else words.no_room(room))

    def _make(self, reference: ReferenceView) -> _Row:
        row = self._rows[reference.layer] = _Row(reference.layer, self._icon)
        row.removed.connect(self._studio.remove_reference)
        return row

    def _drop(self, row: _Row) -> None:
        if row.isAncestorOf(QtWidgets.QApplication.focusWidget() or self):
            # the keyboard stays in the list
            self._add.setEnabled(True)
            self._add.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()


class _Row(QtWidgets.QWidget):
    """One reference: how it looks, what it is called, and a button that takes it out of the list."""

    removed = QtCore.pyqtSignal(str)

    def __init__(self, layer: str, icon: IconSource) -> None:
        super().__init__()
        self.setObjectName("scumbleReference")
        self._shown: ReferenceView | None = None
        self._look = _Look()
        self._name = ElidedLabel()
        self._name.setObjectName("scumbleReferenceName")
        self._remove = IconButton(
            icon, CLOSE_ICONS, "Remove", "Show the model this layer no longer. The layer itself stays"
        )
        self._remove.setObjectName("scumbleReferenceRemove")
        self._remove.clicked.connect(lambda: self.removed.emit(layer))
        line = QtWidgets.QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self._look)
        line.addWidget(self._name, 1)
        line.addWidget(self._remove)

    def show_reference(self, reference: ReferenceView) -> None:
        """Show how it is now."""
        if reference == self._shown:
            return
        self._shown = reference
        self._look.show_image(reference.thumbnail)
        self._name.setText(words.reference_name(reference))
        self._name.set_hint(words.reference_hint(reference))
        self._name.setEnabled(reference.there and reference.taken)
        self._remove.setAccessibleName(f"Remove {reference.name} from the references")


class _Look(QtWidgets.QWidget):
    """A thumbnail; an empty box where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._image: QtGui.QImage | None = None
        self.setFixedSize(THUMBNAIL_SIDE, THUMBNAIL_SIDE)

    def show_image(self, image: QtGui.QImage | None) -> None:
        """Show another one."""
        self._image = image
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        if self._image is not None:
            painter = QtGui.QPainter(self)
            small = fitted(self._image, self.size(), self.devicePixelRatioF())
            draw_picture(painter, small, self.rect(), self.palette())
