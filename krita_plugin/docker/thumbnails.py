"""The pictures that wait, small, in a grid that wraps."""

from __future__ import annotations

from typing import Final

from ..qt import QtCore, QtGui, QtWidgets
from ..studio import Offer
from . import keys, words
from .picture import draw_picture, fitted

LEAST_SIDE: Final = 60
"""Pixels of a thumbnail: four in a row at the docker's least width, two rows for as many variations as there can be."""

MOST_COLUMNS: Final = 6
"""In one row: a wide docker shows larger thumbnails rather than ever more of them."""

PAD: Final = 3
"""Pixels around a thumbnail, which the frame of the chosen one uses."""

BADGE: Final = 16
"""Pixels of the sign for an applied picture."""

KEY_ROLE: Final = int(QtCore.Qt.ItemDataRole.UserRole)
IMAGE_ROLE: Final = KEY_ROLE + 1
APPLIED_ROLE: Final = KEY_ROLE + 2


class Thumbnails(QtWidgets.QListWidget):
    """The offers. Arrows choose, Enter applies, Delete discards, Space shows large."""

    chosen = QtCore.pyqtSignal()
    applied = QtCore.pyqtSignal()
    discarded = QtCore.pyqtSignal()
    enlarged = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("scumbleOffers")
        self.setAccessibleName("Finished pictures")
        self.setToolTip("Finished pictures. Arrows choose, Enter applies, Delete discards, Space shows it large")
        self.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.setMovement(QtWidgets.QListView.Movement.Static)
        self.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        self.setUniformItemSizes(True)
        self.setEditTriggers(QtWidgets.QAbstractItemView.EditTrigger.NoEditTriggers)
        off = QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setHorizontalScrollBarPolicy(off)
        self.setVerticalScrollBarPolicy(off)
        policy = QtWidgets.QSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setItemDelegate(_Delegate(self))
        self.currentItemChanged.connect(lambda *_: self.chosen.emit())
        self.doubleClicked.connect(lambda _at: self.applied.emit())

    def show_offers(self, offers: tuple[Offer, ...], choice: tuple[str, int] | None) -> None:
        """Show these and mark the chosen one; where they are the same as before, only what changed of each."""
        wanted = [(offer.job, offer.index) for offer in offers]
        before = self.chosen_key()
        discarded = before is not None and before not in wanted
        if wanted != [item.data(KEY_ROLE) for item in self._items()]:
            self._rebuild(wanted)
        for item, offer in zip(self._items(), offers, strict=True):
            _fill(item, offer)
        # after a discard the next one is chosen, which the studio is told of
        if choice in wanted and not discarded and self.chosen_key() != choice:
            self.setCurrentRow(wanted.index(choice))

    def chosen_key(self) -> tuple[str, int] | None:
        """Return job and index of the chosen one; None where there is none."""
        item = self.currentItem()
        return None if item is None else item.data(KEY_ROLE)

    def columns(self, width: int) -> int:
        """Return how many thumbnails stand in a row of that width in pixels."""
        return max(1, min(MOST_COLUMNS, width // (LEAST_SIDE + 2 * PAD)))

    def side(self, width: int) -> int:
        """Return the side of a cell, in pixels; Qt wraps a row that fills the width to its last pixel."""
        return (width - 1) // self.columns(width)

    def event(self, event: QtCore.QEvent | None) -> bool:
        """Keep the keys that choose, apply and discard from Krita's shortcuts: Delete would clear the layer."""
        if keys.is_override(event) and isinstance(event, QtGui.QKeyEvent) and keys.is_choosing(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QtGui.QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Apply, discard, show large, or choose."""
        if event is None:
            return
        key, codes = event.key(), QtCore.Qt.Key
        if key in (codes.Key_Return, codes.Key_Enter):
            self.applied.emit()
        elif key in (codes.Key_Delete, codes.Key_Backspace):
            self.discarded.emit()
        elif key == codes.Key_Space:
            self.enlarged.emit()
        elif keys.is_choosing(event):
            super().keyPressEvent(event)
        else:
            # not into the list's search by letters
            event.ignore()

    def hasHeightForWidth(self) -> bool:  # noqa: N802 - Qt's name
        """Return True: the rows depend on it."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802 - Qt's name
        """Return the height of all rows, in pixels."""
        return -(-self.count() // self.columns(width)) * self.side(width)

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the size at the present width."""
        return QtCore.QSize(self.width(), self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the size of one thumbnail."""
        return QtCore.QSize(LEAST_SIDE + 2 * PAD, LEAST_SIDE + 2 * PAD)

    def resizeEvent(self, event: QtGui.QResizeEvent | None) -> None:  # noqa: N802 - Qt's name
        """Fill the width with whole thumbnails."""
        side = self.side(self.width())
        if self.gridSize().width() != side:
            self.setGridSize(QtCore.QSize(side, side))
        super().resizeEvent(event)

    def wheelEvent(self, event: QtGui.QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let the docker scroll."""
        if event is not None:
            event.ignore()

    def _items(self) -> list[QtWidgets.QListWidgetItem]:
        found = (self.item(row) for row in range(self.count()))
        return [item for item in found if item is not None]

    def _rebuild(self, wanted: list[tuple[str, int]]) -> None:
        blocked = self.blockSignals(True)
        row = self.currentRow()
        kept = self.chosen_key()
        self.clear()
        for key in wanted:
            item = QtWidgets.QListWidgetItem()
            item.setData(KEY_ROLE, key)
            self.addItem(item)
        if wanted:
            at = wanted.index(kept) if kept in wanted else min(max(row, 0), len(wanted) - 1)
            self.setCurrentRow(at)
        self.blockSignals(blocked)
        self.updateGeometry()
        if self.chosen_key() != kept:
            self.chosen.emit()


class _Delegate(QtWidgets.QStyledItemDelegate):
    """Draws a thumbnail, a frame around the chosen one, and a tick on the applied ones."""

    def __init__(self, grid: QtWidgets.QListView) -> None:
        super().__init__(grid)
        self._grid = grid

    def sizeHint(self, option: QtWidgets.QStyleOptionViewItem, index: QtCore.QModelIndex) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return a cell of the grid: an item without words would else be as small as an empty line."""
        return self._grid.gridSize()

    def paint(
        self,
        painter: QtGui.QPainter | None,
        option: QtWidgets.QStyleOptionViewItem,
        index: QtCore.QModelIndex,
    ) -> None:
        """Draw one."""
        image = index.data(IMAGE_ROLE)
        if painter is None or image is None:
            return
        room = option.rect.adjusted(PAD, PAD, -PAD, -PAD)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        place = draw_picture(painter, fitted(image, room.size(), ratio), room, option.palette)
        if option.state & QtWidgets.QStyle.StateFlag.State_Selected:
            painter.setPen(QtGui.QPen(option.palette.color(QtGui.QPalette.ColorRole.Highlight), PAD))
            painter.drawRect(place.adjusted(-1, -1, 1, 1))
        if index.data(APPLIED_ROLE):
            _draw_tick(painter, QtCore.QRectF(place.right() - BADGE, place.top() + 1, BADGE, BADGE), option.palette)


def _draw_tick(painter: QtGui.QPainter, box: QtCore.QRectF, palette: QtGui.QPalette) -> None:
    painter.save()
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    role = QtGui.QPalette.ColorRole
    painter.setPen(QtGui.QPen(palette.color(role.WindowText), 1))
    painter.setBrush(palette.color(role.Window))
    painter.drawEllipse(box)
    painter.setPen(QtGui.QPen(palette.color(role.WindowText), 2))
    corner, side = box.topLeft(), box.width()
    line = [QtCore.QPointF(0.26, 0.54), QtCore.QPointF(0.44, 0.72), QtCore.QPointF(0.76, 0.32)]
    painter.drawPolyline(QtGui.QPolygonF([corner + point * side for point in line]))
    painter.restore()


def _fill(item: QtWidgets.QListWidgetItem, offer: Offer) -> None:
    shown = item.data(IMAGE_ROLE)
    if shown is None or shown.cacheKey() != offer.thumbnail.cacheKey():
        item.setData(IMAGE_ROLE, offer.thumbnail)
    if item.data(APPLIED_ROLE) is not offer.applied:
        item.setData(APPLIED_ROLE, offer.applied)
        applied = "Applied as a layer. " if offer.applied else ""
        said = f"{applied}{offer.title}\nSeed {offer.seed}"
        if offer.drawn and offer.drawn != offer.title:
            said = f"{applied}{words.drawn_words(offer.drawn)}\nSeed {offer.seed}"
        item.setToolTip(f"{said}\nEnter applies, Delete discards, Space shows it large")
        item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, f"{offer.title}, seed {offer.seed}. {applied}".strip())
