"""What belongs there, in the painter's words, and the buttons that ask for it."""

from __future__ import annotations

from typing import Final

from ..qt import QtGui, QtWidgets
from ..studio import JobStage, Studio
from . import words
from .buttons import IconSource
from .edit import edit
from .loras import LoraButton, LoraCompletion
from .prompt import PromptField
from .text import ElidedLabel

GENERATE, EDIT, REFINE, TAKE_APART = "Generate", "Edit", "Refine", "Take apart"

WHERE: Final = "in the selected part of the picture; without a selection, in the whole of it."

BELONGS: Final = ("What belongs in the selection?", f"Say what belongs {WHERE}")
CHANGES: Final = ("What is to change in the selection?", f"Say what is to change {WHERE}")
SEEN: Final = (
    "What is to be seen there? May be left empty",
    f"Say what is to be seen {WHERE} Left empty, the model looks for itself.",
)
"""What the prompt is for, short and at length: with most models, with those that edit, and with those that take a picture apart."""


class RequestPart(QtWidgets.QWidget):
    """The prompt, what may be written into it, Generate (by the name of what it does) and Cancel."""

    def __init__(self, studio: Studio, icon: IconSource) -> None:
        super().__init__()
        self._studio = studio
        self.prompt = PromptField(3)
        self.prompt.setObjectName("scumblePrompt")
        self.prompt.setAccessibleName("Prompt: what belongs there")
        self.prompt.edited.connect(lambda: edit(studio, prompt=self.prompt.toPlainText()))
        self.prompt.asked.connect(self.ask)
        self._lora = LoraButton(studio, icon, self.prompt)
        self._completion = LoraCompletion(studio, self.prompt)
        self._in_vain = ElidedLabel(dim=True)
        self._in_vain.setObjectName("scumbleWeightsInVain")
        self._in_vain.setText(words.WEIGHTS_IN_VAIN)
        self._in_vain.set_hint(words.WEIGHTS_IN_VAIN_HINT)
        self._in_vain.hide()
        self._generate = QtWidgets.QPushButton(GENERATE)
        self._generate.setObjectName("scumbleGenerate")
        # the style draws a default button as the one that matters
        self._generate.setDefault(True)
        bold = QtGui.QFont()
        bold.setBold(True)
        self._generate.setFont(bold)
        self._generate.clicked.connect(lambda: self.ask())
        # always there: a button that comes and goes would move Generate under the mouse
        self._cancel = QtWidgets.QPushButton("Cancel")
        self._cancel.setObjectName("scumbleCancel")
        self._cancel.setToolTip("Cancel what you have asked for last")
        self._cancel.clicked.connect(lambda: studio.cancel_newest())
        buttons = QtWidgets.QHBoxLayout()
        buttons.addWidget(self._generate, 1)
        buttons.addWidget(self._cancel)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        below = QtWidgets.QHBoxLayout()
        below.addWidget(self._in_vain, 1)
        below.addStretch()
        below.addWidget(self._lora)
        layout.addWidget(self.prompt)
        layout.addLayout(below)
        layout.addLayout(buttons)

    def read_settings(self) -> None:
        """Show the prompt, which name the button has, and what of the prompt the model knows."""
        self.prompt.show_text(self._studio.settings.prompt)
        self.read_model()

    def read_model(self) -> None:
        """Show what depends on the model."""
        self._lora.read()
        self._completion.read()
        self._in_vain.setVisible(self._studio.weights_in_vain)
        self.name_prompt()
        self.name_button()

    def name_prompt(self) -> None:
        """Tell what the prompt is for."""
        short, long = SEEN if self._studio.most_layers else CHANGES if self._studio.edits else BELONGS
        self.prompt.setPlaceholderText(short)
        self.prompt.setToolTip(f"{long}\nShift+Enter generates, Escape goes back to the canvas")

    def name_button(self) -> None:
        """Call the button what it does with that model, at the strength that is set."""
        if self._studio.most_layers:
            name, tip = TAKE_APART, "Take the selected part apart into layers, as one group. Shift+Enter in the prompt"
        elif self._studio.settings.strength < 1:
            name, tip = REFINE, "Rework what is there, as far as the strength lets it change. Shift+Enter in the prompt"
        elif self._studio.edits:
            name, tip = (
                EDIT,
                "Change what is there as the prompt says, as a layer of its own. Shift+Enter in the prompt",
            )
        else:
            name, tip = GENERATE, "Paint the selected part anew, as a layer of its own. Shift+Enter in the prompt"
        if self._generate.text() != name:
            self._generate.setText(name)
        self._generate.setToolTip(tip)

    def read_state(self) -> None:
        """Enable what can be pressed now."""
        self.prompt.setEnabled(self._studio.has_document)
        self._lora.read()
        self._generate.setEnabled(self._studio.can_generate)
        self._cancel.setEnabled(any(job.stage is not JobStage.CANCELLING for job in self._studio.jobs))

    def ask(self) -> None:
        """Ask for the picture, where it can be had."""
        if self._studio.can_generate:
            self._studio.generate()
