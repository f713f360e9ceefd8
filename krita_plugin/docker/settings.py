"""How the picture is to be: style and strength, and the rest in a part that folds."""

from __future__ import annotations

from typing import Any

from ..qt import QtCore, QtWidgets
from ..studio import MOST_VARIATIONS, Studio
from . import words
from .buttons import IconSource
from .edit import edit
from .fold import Fold
from .layers import LayersChoice
from .prompt import PromptField
from .references import ReferencesPart
from .seed import SeedField
from .styles import StyleChoice
from .wheel import WheelGuard


class SettingsPart(QtWidgets.QWidget):
    """Style, strength, layers where the style makes some, and folded: what to leave out, seed, number of pictures."""

    strength_changed = QtCore.pyqtSignal()
    """The painter moved the strength."""

    asked = QtCore.pyqtSignal()
    """The painter asked for the picture, in one of the fields here."""

    def __init__(self, studio: Studio, icon: IconSource) -> None:
        super().__init__()
        self._studio = studio
        self._wheel = WheelGuard(self)
        self._styles = StyleChoice(studio, icon, self)
        self._layers = LayersChoice(studio, self)
        self._slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self._strength = QtWidgets.QSpinBox()
        self._build_strength()
        self.references = ReferencesPart(studio, icon)
        self._negative = PromptField(2)
        self._seed = SeedField()
        self._random = QtWidgets.QCheckBox("Random")
        self._count = QtWidgets.QSpinBox()
        self._build_more()
        self.fold = Fold("More", "What to leave out, the seed, and how many variations", self._more())
        for control in (self._styles.combo, self._slider, self._strength, self._layers.spin, self._count):
            self._wheel.guard(control)
        rows = QtWidgets.QGridLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setColumnStretch(1, 1)
        rows.addWidget(_label("Style", self._styles.combo), 0, 0)
        rows.addWidget(self._styles.combo, 0, 1)
        rows.addWidget(self._styles.folder, 0, 2)
        rows.addWidget(_label("Strength", self._slider), 1, 0)
        strength = QtWidgets.QHBoxLayout()
        strength.addWidget(self._slider, 1)
        strength.addWidget(self._strength)
        rows.addLayout(strength, 1, 1, 1, 2)
        rows.addWidget(self._layers.label, 2, 0)
        rows.addWidget(self._layers.spin, 2, 1, QtCore.Qt.AlignmentFlag.AlignLeft)
        rows.addWidget(self.references, 3, 0, 1, 3)
        rows.addWidget(self.fold, 4, 0, 1, 3)

    def read_settings(self) -> None:
        """Show the settings; a control that shows them already is not touched."""
        settings = self._studio.settings
        self._show_strength(words.percent(settings.strength))
        self._negative.show_text(settings.negative)
        self._seed.show_seed(settings.seed)
        self._seed.setEnabled(not settings.random_seed)
        self._random.setChecked(settings.random_seed)
        self._count.setValue(settings.count)
        self._styles.read()
        self._layers.read()
        self.references.read()
        self.fold.say(words.more_words(settings))

    def read_styles(self) -> None:
        """Show the styles that there are, and what the model of the one that is set asks for and takes."""
        self._styles.read()
        self._layers.read()
        self.references.read()

    def _build_strength(self) -> None:
        tip = (
            "How much of what is there may change. 100 % paints it anew; less keeps shapes and colours, "
            "to refine what you have painted"
        )
        for control, name in ((self._slider, "scumbleStrength"), (self._strength, "scumbleStrengthValue")):
            control.setObjectName(name)
            control.setRange(1, 100)
            control.setValue(100)
            control.setToolTip(tip)
            control.setAccessibleName("Strength in percent")
        self._slider.setPageStep(10)
        self._strength.setSuffix(" %")
        self._slider.valueChanged.connect(self._strength_moved)
        self._strength.valueChanged.connect(self._strength_moved)

    def _build_more(self) -> None:
        self._negative.setObjectName("scumbleNegative")
        self._negative.setPlaceholderText("What shall not be in it")
        self._negative.setAccessibleName("What to leave out")
        self._negative.setToolTip("What shall not be in the picture. Shift+Enter generates")
        self._negative.edited.connect(lambda: self._change(negative=self._negative.toPlainText()))
        self._negative.asked.connect(self.asked)
        self._seed.setObjectName("scumbleSeed")
        self._seed.setToolTip("The same seed with the same settings gives the same picture again")
        self._seed.edited.connect(lambda seed: self._change(seed=seed))
        self._random.setObjectName("scumbleRandomSeed")
        self._random.setToolTip("Another picture each time. Off: the seed beside it is used")
        self._random.setChecked(True)
        self._random.toggled.connect(self._random_toggled)
        self._count.setObjectName("scumbleCount")
        self._count.setRange(1, MOST_VARIATIONS)
        self._count.setToolTip(
            "How many pictures to make at once. One is applied by itself; of several you choose below"
        )
        self._count.valueChanged.connect(lambda count: self._change(count=count))

    def _more(self) -> QtWidgets.QWidget:
        inside = QtWidgets.QWidget()
        rows = QtWidgets.QGridLayout(inside)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setColumnStretch(1, 1)
        rows.addWidget(_label("Without", self._negative), 0, 0, QtCore.Qt.AlignmentFlag.AlignTop)
        rows.addWidget(self._negative, 0, 1, 1, 2)
        rows.addWidget(_label("Seed", self._seed), 1, 0)
        rows.addWidget(self._seed, 1, 1)
        rows.addWidget(self._random, 1, 2)
        rows.addWidget(_label("Variations", self._count), 2, 0)
        rows.addWidget(self._count, 2, 1, 1, 2, QtCore.Qt.AlignmentFlag.AlignLeft)
        return inside

    def _strength_moved(self, percent: int) -> None:
        self._show_strength(percent)
        self._change(strength=percent / 100)
        self.strength_changed.emit()

    def _show_strength(self, percent: int) -> None:
        for control in (self._slider, self._strength):
            if control.value() != percent:
                blocked = control.blockSignals(True)
                control.setValue(percent)
                control.blockSignals(blocked)

    def _random_toggled(self, random: bool) -> None:
        self._seed.setEnabled(not random)
        self._change(random_seed=random)

    def _change(self, **fields: Any) -> None:  # noqa: ANN401 - as `edit`
        edit(self._studio, **fields)
        self.fold.say(words.more_words(self._studio.settings))


def _label(text: str, control: QtWidgets.QWidget) -> QtWidgets.QLabel:
    # no mnemonics: Alt and a letter open Krita's menus
    label = QtWidgets.QLabel(text)
    label.setBuddy(control)
    label.setToolTip(control.toolTip())
    return label
