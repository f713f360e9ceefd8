"""Which keys a control of the docker keeps for itself, so that Krita's shortcuts do not take them.

Krita has single keys as shortcuts: Tab hides all dockers, Delete clears the layer, Ctrl+Backspace fills it. Qt asks the
control that has the focus first, by a ShortcutOverride event; accepting it makes the key an ordinary one.
"""

from __future__ import annotations

from typing import Final

from ..qt import QtCore, QtGui, QtWidgets

_KEY: Final = QtCore.Qt.Key
_TRAVEL: Final = frozenset({_KEY.Key_Tab, _KEY.Key_Backtab})
_PRESS: Final = frozenset({_KEY.Key_Space, _KEY.Key_Return, _KEY.Key_Enter})
_ENTER: Final = frozenset({_KEY.Key_Return, _KEY.Key_Enter})
_MOVE: Final = frozenset(
    {
        *(_KEY.Key_Left, _KEY.Key_Right, _KEY.Key_Up, _KEY.Key_Down),
        *(_KEY.Key_Home, _KEY.Key_End, _KEY.Key_PageUp, _KEY.Key_PageDown),
    }
)
_EDITING: Final = (
    QtGui.QKeySequence.StandardKey.DeleteStartOfWord,
    QtGui.QKeySequence.StandardKey.DeleteEndOfWord,
    QtGui.QKeySequence.StandardKey.DeleteEndOfLine,
    QtGui.QKeySequence.StandardKey.DeleteCompleteLine,
    QtGui.QKeySequence.StandardKey.Backspace,
    QtGui.QKeySequence.StandardKey.Delete,
    QtGui.QKeySequence.StandardKey.InsertParagraphSeparator,
    QtGui.QKeySequence.StandardKey.InsertLineSeparator,
)
"""What Qt's text fields do on a key and yet leave to a shortcut."""


def is_override(event: QtCore.QEvent | None) -> bool:
    """Return whether the event asks if a key shall be an ordinary one."""
    return event is not None and event.type() == QtCore.QEvent.Type.ShortcutOverride


def keeps(control: QtWidgets.QWidget | None, event: QtGui.QKeyEvent) -> bool:
    """Return whether the control that has the focus needs that key for itself."""
    key, commands = (
        _plain_key(event),
        QtCore.Qt.KeyboardModifier.ControlModifier | QtCore.Qt.KeyboardModifier.AltModifier,
    )
    if event.modifiers() & (commands | QtCore.Qt.KeyboardModifier.MetaModifier):
        return False
    if key in _TRAVEL or key == _KEY.Key_Escape:
        return True
    if isinstance(control, QtWidgets.QAbstractButton):
        return key in _PRESS
    if isinstance(control, (QtWidgets.QAbstractSlider, QtWidgets.QAbstractSpinBox, QtWidgets.QComboBox)):
        return key in _MOVE or key in _PRESS
    return False


def press(control: QtWidgets.QWidget | None, event: QtGui.QKeyEvent) -> bool:
    """Press the button that has the focus, where the key is Enter: Qt does so only in dialogs. Return whether it did.

    Not a check box: Enter answers a question, and none is asked there.
    """
    if event.key() not in _ENTER or not isinstance(control, QtWidgets.QAbstractButton):
        return False
    if isinstance(control, QtWidgets.QCheckBox) or event.isAutoRepeat() or not keeps(control, event):
        return False
    if isinstance(control, QtWidgets.QToolButton) and control.menu() is not None:
        control.showMenu()
    else:
        control.click()
    return True


def is_editing(event: QtGui.QKeyEvent) -> bool:
    """Return whether the key writes or deletes in a text field."""
    control, alt = QtCore.Qt.KeyboardModifier.ControlModifier, QtCore.Qt.KeyboardModifier.AltModifier
    # AltGr comes as both at once, and writes
    commands = event.modifiers() & (control | alt)
    if event.text().isprintable() and event.text() and commands not in (control, alt):
        return True
    return any(event.matches(each) for each in _EDITING)


def is_choosing(event: QtGui.QKeyEvent) -> bool:
    """Return whether the key chooses a picture, or does something with the chosen one."""
    if event.modifiers() & ~QtCore.Qt.KeyboardModifier.KeypadModifier:
        return False
    return _plain_key(event) in _MOVE | _PRESS | {_KEY.Key_Delete, _KEY.Key_Backspace}


def _plain_key(event: QtGui.QKeyEvent) -> QtCore.Qt.Key | int:
    try:
        return QtCore.Qt.Key(event.key())
    except ValueError:
        return event.key()
