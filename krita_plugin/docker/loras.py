"""LoRAs for the prompt: a button whose menu writes one in, and a list while one is typed. The prompt alone says which are used."""

from __future__ import annotations

import re
from typing import Final

from ..qt import QAction, QtCore, QtGui, QtWidgets
from ..studio import Studio
from . import words
from .buttons import IconButton, IconSource
from .prompt import PromptField

WEIGHT: Final = "1"
"""That a LoRA gets at first. It is marked then, so that another number can be typed at once."""

MOST_FLAT: Final = 12
"""LoRAs that the menu lists one below the other, with their folders' names; of more, each folder gets a menu of its own."""

MOST_LISTED: Final = 8
"""Names to be seen at once while one is typed; the list scrolls."""

BEGUN: Final = re.compile(r"<lora:(?P<name>[^<>:]*)\Z")
"""What precedes the cursor while the name of a LoRA is typed."""

REST: Final = re.compile(r"(?P<name>[^<>:]*)(?P<weight>:[^<>]*)?>")
"""What may stand behind the cursor already: the rest of a name, a weight."""


def write_lora(prompt: PromptField, name: str) -> None:
    """Write a LoRA behind the cursor, or in the place of the one whose name is being typed there, and mark its weight."""
    cursor = prompt.textCursor()
    cursor.setPosition(cursor.selectionEnd())
    line, column = cursor.block().text(), cursor.positionInBlock()
    begun, rest = BEGUN.search(line[:column]), REST.match(line[column:])
    cursor.beginEditBlock()
    if begun is None:
        blank = " " if column and not line[column - 1].isspace() else ""
        cursor.insertText(f"{blank}<lora:{name}:{WEIGHT}>")
    else:
        move = QtGui.QTextCursor.MoveMode
        start = cursor.block().position() + begun.start("name")
        end = cursor.position() + (len(rest["name"]) if rest is not None else 0)
        cursor.setPosition(start)
        cursor.setPosition(end, move.KeepAnchor)
        weighed = rest is not None and rest["weight"]
        cursor.insertText(name if weighed else f"{name}:{WEIGHT}" + ("" if rest is not None else ">"))
        if rest is not None:
            # behind the weight, or the bracket that was there
            cursor.setPosition(cursor.position() + len(rest["weight"] or "") + 1)
    cursor.endEditBlock()
    _mark_weight(prompt, cursor)
    prompt.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)


def _mark_weight(prompt: PromptField, behind: QtGui.QTextCursor) -> None:
    text = behind.block().text()[: behind.positionInBlock()]
    end, start = behind.position() - 1, behind.block().position() + text.rindex(":") + 1
    behind.setPosition(start)
    behind.setPosition(end, QtGui.QTextCursor.MoveMode.KeepAnchor)
    prompt.setTextCursor(behind)


class LoraButton(IconButton):
    """Opens a menu of the LoRAs that fit the model; disabled, with the reason in its tooltip, where none does. Hidden while there are
    none at all: who has never heard of them need not wonder."""

    def __init__(self, studio: Studio, icon: IconSource, prompt: PromptField) -> None:
        # no icon of Krita's says LoRA
        super().__init__(icon, (), "LoRA", words.loras_hint(None, False, ""))
        self.setObjectName("scumbleLora")
        self._studio, self._prompt = studio, prompt
        self._listed: tuple[str, ...] = ()
        self._menu = QtWidgets.QMenu(self)
        self._menu.setObjectName("scumbleLoraMenu")
        self._menu.aboutToShow.connect(lambda: studio.look_for_loras())
        self._menu.triggered.connect(self._write)
        self.setMenu(self._menu)
        self.setPopupMode(QtWidgets.QToolButton.ToolButtonPopupMode.InstantPopup)
        self.hide()

    def sizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the word's size with room for the arrow, which Qt draws over it else."""
        style = self.style()
        arrow = 0 if style is None else style.pixelMetric(QtWidgets.QStyle.PixelMetric.PM_MenuButtonIndicator)
        return super().sizeHint() + QtCore.QSize(arrow, 0)

    def minimumSizeHint(self) -> QtCore.QSize:  # noqa: N802 - Qt's name
        """Return the same: it is never cut."""
        return self.sizeHint()

    def read(self) -> None:
        """Offer what there is now."""
        model, loras = self._studio.model, self._studio.loras
        self.setVisible(self._studio.has_loras)
        self.setEnabled(bool(loras) and self._studio.has_document)
        self.setToolTip(words.loras_hint(model, bool(loras), self._studio.loras_folder))
        if loras != self._listed:
            self._listed = loras
            self._fill()

    def _fill(self) -> None:
        self._menu.clear()
        folders: dict[str, QtWidgets.QMenu] = {"": self._menu}
        for name in self._listed:
            folder, _, short = name.rpartition("/")
            if len(self._listed) <= MOST_FLAT:
                folder, short = "", name
            if folder not in folders:
                folders[folder] = QtWidgets.QMenu(_plain(folder), self._menu)
                self._menu.addMenu(folders[folder])
            action = QAction(_plain(short), self._menu)
            action.setData(name)
            folders[folder].addAction(action)

    def _write(self, action: QAction) -> None:
        write_lora(self._prompt, str(action.data()))


class LoraCompletion(QtCore.QObject):
    """Lists the names that fit what is typed behind `<lora:`. Arrows choose, Enter or Tab writes it, Escape closes the list."""

    def __init__(self, studio: Studio, prompt: PromptField) -> None:
        super().__init__(prompt)
        self._studio, self._prompt = studio, prompt
        self._names = QtCore.QStringListModel(self)
        self._completer = QtWidgets.QCompleter(self._names, self)
        self._completer.setCaseSensitivity(QtCore.Qt.CaseSensitivity.CaseInsensitive)
        self._completer.setFilterMode(QtCore.Qt.MatchFlag.MatchContains)
        self._completer.setMaxVisibleItems(MOST_LISTED)
        self._completer.setWidget(prompt)
        prompt.completing = self.is_open
        self._completer.activated[str].connect(lambda name: write_lora(prompt, name))
        popup = self._completer.popup()
        assert popup is not None
        self._popup: QtWidgets.QAbstractItemView = popup
        popup.setObjectName("scumbleLoraList")
        # folders come first in a name, and what tells it from others last
        popup.setTextElideMode(QtCore.Qt.TextElideMode.ElideMiddle)
        prompt.edited.connect(self._offer)

    def is_open(self) -> bool:
        """Return whether the list is to be seen."""
        return self._popup.isVisible()

    def read(self) -> None:
        """Offer what there is now."""
        if list(self._studio.loras) != self._names.stringList():
            self._names.setStringList(list(self._studio.loras))

    def _offer(self) -> None:
        cursor = self._prompt.textCursor()
        begun = BEGUN.search(cursor.block().text()[: cursor.positionInBlock()])
        if begun is None:
            self._popup.hide()
            return
        self._completer.setCompletionPrefix(begun["name"].strip())
        if not self._completer.completionCount():
            self._popup.hide()
            return
        at, bar = self._prompt.cursorRect(), self._popup.verticalScrollBar()
        beside = 0 if bar is None else bar.sizeHint().width()
        wanted = self._popup.sizeHintForColumn(0) + beside + 2 * self._popup.frameWidth()
        if at.left() + wanted > self._prompt.width():
            # no room to the right of the cursor: below the field, as wide as that
            at.setLeft(max(0, self._prompt.width() - wanted))
        at.setWidth(min(wanted, self._prompt.width()))
        self._completer.complete(at)
        shown = self._completer.completionModel()
        if shown is not None:
            self._popup.setCurrentIndex(shown.index(0, 0))


def _plain(text: str) -> str:
    """Return a name as a menu shows it: what would underline a letter stays a sign."""
    return text.replace("&", "&&")
