"""What belongs there, in the painter's words, and the buttons that ask for it."""

from __future__ import annotations

from ..qt import QtGui, QtWidgets
from ..studio import JobStage, Studio
from .edit import edit
from .prompt import PromptField

GENERATE, REFINE, TAKE_APART = "Generate", "Refine", "Take apart"

WANTED = (
    "What belongs in the selection?",
    "Say what belongs in the selected part of the picture; without a selection, in the whole of it.",
)
SEEN = (
    "What is to be seen there? May be left empty",
    "Say what is to be seen in the selected part of the picture; without a selection, in the whole of it. "
    "Left empty, the model looks for itself.",
)
"""What the prompt is for, short and at length: with most styles, and with those that take a picture apart."""


class RequestPart(QtWidgets.QWidget):
    """The prompt, Generate (Refine, where not everything is painted anew; Take apart, where the style does that) and Cancel."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.prompt = PromptField(3)
        self.prompt.setObjectName("scumblePrompt")
        self.prompt.setAccessibleName("Prompt: what belongs there")
        self.prompt.edited.connect(lambda: edit(studio, prompt=self.prompt.toPlainText()))
        self.prompt.asked.connect(self.ask)
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
        layout.addWidget(self.prompt)
        layout.addLayout(buttons)

    def read_settings(self) -> None:
        """Show the prompt, and which of its two names the button has."""
        settings = self._studio.settings
        self.prompt.show_text(settings.prompt)
        self.name_button()

    def name_button(self) -> None:
        """Call the button what it does with the style and at the strength that are set, and tell what the prompt is for."""
        short, long = SEEN if self._studio.most_layers else WANTED
        self.prompt.setPlaceholderText(short)
        self.prompt.setToolTip(f"{long}\nShift+Enter generates, Escape goes back to the canvas")
        if self._studio.most_layers:
            name, tip = TAKE_APART, "Take the selected part apart into layers, as one group. Shift+Enter in the prompt"
        elif self._studio.settings.strength < 1:
            name, tip = REFINE, "Rework what is there, as far as the strength lets it change. Shift+Enter in the prompt"
        else:
            name, tip = GENERATE, "Paint the selected part anew, as a layer of its own. Shift+Enter in the prompt"
        if self._generate.text() != name:
            self._generate.setText(name)
        self._generate.setToolTip(tip)

    def read_state(self) -> None:
        """Enable what can be pressed now."""
        self.prompt.setEnabled(self._studio.has_document)
        self._generate.setEnabled(self._studio.can_generate)
        self._cancel.setEnabled(any(job.stage is not JobStage.CANCELLING for job in self._studio.jobs))

    def ask(self) -> None:
        """Ask for the picture, where it can be had."""
        if self._studio.can_generate:
            self._studio.generate()
