"""The choice of a style, and the way to where the painter's own ones lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..bundled import protocol
from ..qt import QtCore, QtWidgets
from ..studio import Studio
from .buttons import IconButton, IconSource
from .edit import edit
from .opening import open_path

FEWEST_CHARS: Final = 7
"""Characters of a style's name that are always to be seen."""

UNKNOWN: Final = "Default"
"""What stands there while the backend has told of no style."""

TIP: Final = "The style: which model paints, and how. Your own styles are text files in the styles folder"


class StyleChoice(QtCore.QObject):
    """A combo box and a button, for the settings' grid to lay out."""

    def __init__(self, studio: Studio, icon: IconSource, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._listed: tuple[str, ...] = ()
        self.combo = QtWidgets.QComboBox()
        self.combo.setObjectName("scumbleStyle")
        self.combo.setAccessibleName("Style")
        self.combo.setToolTip(TIP)
        self.combo.setMinimumContentsLength(FEWEST_CHARS)
        self.combo.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        # styles have no icons, and Qt keeps room for them
        self.combo.setIconSize(QtCore.QSize(0, 0))
        # only what the painter chooses, never what is shown
        self.combo.activated.connect(self._choose)
        self.folder = IconButton(
            icon, ("folder", "document-open"), "Styles", "Open the folder where your own styles lie"
        )
        self.folder.setObjectName("scumbleOpenStyles")
        self.folder.clicked.connect(lambda: open_path(Path(studio.styles_folder), self.folder))

    def read(self) -> None:
        """Show the styles that there are and the one that is set; what is shown already is not touched."""
        styles, chosen = self._studio.styles, self._studio.settings.style
        names = tuple(style.name for style in styles)
        gone = chosen if chosen and chosen not in names else ""
        listed = (*names, *filter(None, (gone,))) or (UNKNOWN,)
        if listed != self._listed:
            self._listed = listed
            self.combo.clear()
            for name in listed:
                self.combo.addItem(f"{name} (not there)" if name == gone and names else name)
        for at, style in enumerate(styles):
            self.combo.setItemData(at, _hint(style), QtCore.Qt.ItemDataRole.ToolTipRole)
        at = listed.index(chosen) if chosen in listed else 0
        if self.combo.currentIndex() != at:
            self.combo.setCurrentIndex(at)
        self.combo.setToolTip(f"{TIP}\n{_hint(styles[at])}" if at < len(styles) else TIP)
        self.folder.setEnabled(bool(self._studio.styles_folder))

    def _choose(self, at: int) -> None:
        if at < len(self._studio.styles):
            edit(self._studio, style=self._studio.styles[at].name)
            self.read()


def _hint(style: protocol.Style) -> str:
    """Return what a style sets, in one line."""
    said = [f"{style.name}:", f"model {style.model}" if style.model else "the backend's first model"]
    if style.steps is not None:
        said.append(f"{style.steps} steps")
    if style.guidance is not None:
        said.append(f"guidance {style.guidance:g}")
    if style.clip_skip is not None:
        said.append(f"clip skip {style.clip_skip}")
    if style.rescale is not None:
        said.append(f"rescale {style.rescale:g}")
    return f"{said[0]} {', '.join(said[1:])}"
