"""Buttons as Krita's own dockers have them: small, flat, with Krita's icons, which follow the theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..qt import QtCore, QtGui, QtWidgets

IconSource = Callable[[str], QtGui.QIcon]
"""Krita's `icon`: an icon of the present theme by its name, a null one where there is none."""

ICON_SIDE: Final = 16
"""Pixels, as in Krita's dockers."""


CLOSE_ICONS: Final = ("docker_close", "window-close")
"""The cross of Krita's own dockers; its other one is red, which is for what went wrong."""


class IconButton(QtWidgets.QToolButton):
    """A flat button with one of Krita's icons; where Krita has no such icon, with its word.

    `word` names the button for those who do not see it; `tip` is the tooltip. `wordy` shows the word beside the icon.
    """

    def __init__(self, icon: IconSource, names: tuple[str, ...], word: str, tip: str, wordy: bool = False) -> None:
        super().__init__()
        self._source, self._names, self._wordy = icon, names, wordy
        self.setAutoRaise(True)
        self.setIconSize(QtCore.QSize(ICON_SIDE, ICON_SIDE))
        self.setText(word)
        self.setAccessibleName(word)
        self.setToolTip(tip)
        # a flat button takes no focus by a click: the canvas keeps it
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self.reload_icon()

    def reload_icon(self) -> None:
        """Take the icon again from Krita, whose theme may be another one."""
        found = (self._source(name) for name in self._names)
        icon = next((each for each in found if not each.isNull()), QtGui.QIcon())
        self.setIcon(icon)
        style = QtCore.Qt.ToolButtonStyle
        if icon.isNull():
            self.setToolButtonStyle(style.ToolButtonTextOnly)
        else:
            self.setToolButtonStyle(style.ToolButtonTextBesideIcon if self._wordy else style.ToolButtonIconOnly)

    def changeEvent(self, event: QtCore.QEvent | None) -> None:  # noqa: N802 - Qt's name
        """Follow the theme."""
        super().changeEvent(event)
        if event is not None and event.type() == QtCore.QEvent.Type.PaletteChange:
            # Krita forgets its icons of the old theme only after the palette has changed
            QtCore.QTimer.singleShot(0, self.reload_icon)
