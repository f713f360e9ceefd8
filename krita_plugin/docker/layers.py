"""Into how many layers the picture is taken apart, with styles whose model does that."""

from __future__ import annotations

from ..qt import QtCore, QtWidgets
from ..studio import Studio
from .edit import edit

TIP = (
    "Into how many layers the selected part of the picture is taken apart; without a selection, the whole of it. "
    "They come as one group. What you have painted stays as it is, below it"
)


class LayersChoice(QtCore.QObject):
    """A label and a field for a number, for the settings' grid to lay out. Hidden with every other style."""

    def __init__(self, studio: Studio, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self.spin = QtWidgets.QSpinBox()
        self.spin.setObjectName("scumbleLayers")
        self.spin.setAccessibleName("Layers")
        self.spin.setToolTip(TIP)
        self.spin.setMinimum(1)
        self.spin.valueChanged.connect(lambda layers: edit(studio, layers=layers))
        # no mnemonics: Alt and a letter open Krita's menus
        self.label = QtWidgets.QLabel("Layers")
        self.label.setBuddy(self.spin)
        self.label.setToolTip(TIP)
        # shown before the grid has taken them, they would be windows of their own
        self.label.hide()
        self.spin.hide()

    def read(self) -> None:
        """Show what is set, where the style's model makes layers at all."""
        most = self._studio.most_layers
        for widget in (self.label, self.spin):
            widget.setVisible(most > 0)
        if most > 0:
            # what is set for another model, which makes more of them, stays set
            blocked = self.spin.blockSignals(True)
            self.spin.setMaximum(most)
            self.spin.setValue(min(self._studio.settings.layers, most))
            self.spin.blockSignals(blocked)
