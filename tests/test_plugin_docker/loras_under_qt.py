"""LoRAs in the docker: the menu beside the prompt, the list while one is typed, and the prompt that alone says which are used."""

from dataclasses import replace

import pytest
from double import MODEL
from room import part, settle

from krita_plugin.docker import loras as loras_module
from krita_plugin.qt import MAJOR, QtCore, QtGui, QtWidgets

if MAJOR == 6:
    from PyQt6.QtTest import QTest
else:
    from PyQt5.QtTest import QTest

KEY = QtCore.Qt.Key
LORAS = ("Ink", "styles/Ink wash", "styles/Oil & pastel")


def names(menu):
    return [action.text() for action in menu.actions()]


def menu_of(panel):
    return part(panel, "scumbleLora").menu()


def popup():
    (found,) = [
        each
        for each in QtWidgets.QApplication.topLevelWidgets()
        if each.objectName() == "scumbleLoraList" and each.isVisible()
    ] or [None]
    return found


def offered():
    model = popup().model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def marked(prompt):
    return prompt.textCursor().selectedText()


# --- the button


def test_where_there_are_none_there_is_no_button_and_where_none_fits_it_says_why(studio, panel):
    button = part(panel, "scumbleLora")
    assert not button.isVisible()
    studio.set(has_loras=True)
    assert button.isVisible()
    assert not button.isEnabled()
    assert "no LoRAs that fit Starter" in button.toolTip()
    assert "/loras" in button.toolTip()
    studio.set(model=None)
    assert "backend is ready" in button.toolTip()
    studio.set(model=MODEL, loras=LORAS)
    assert button.isEnabled()
    assert "weight" in button.toolTip()
    studio.set(has_document=False)
    assert not button.isEnabled()


def test_the_menu_lists_what_fits_and_asks_again(studio, panel):
    studio.set(has_loras=True, loras=LORAS)
    menu = menu_of(panel)
    assert names(menu) == ["Ink", "styles/Ink wash", "styles/Oil && pastel"]
    menu.aboutToShow.emit()
    assert studio.done("look_for_loras") == [()]
    studio.set(loras=LORAS[:1])
    assert names(menu) == ["Ink"]


def test_many_have_a_menu_for_each_folder(studio, panel):
    studio.set(has_loras=True, loras=(*LORAS, *(f"people/{number:02}" for number in range(loras_module.MOST_FLAT))))
    menu = menu_of(panel)
    assert names(menu) == ["Ink", "styles", "people"]
    styles = menu.actions()[1].menu()
    assert names(styles) == ["Ink wash", "Oil && pastel"]
    styles.actions()[1].trigger()
    assert studio.settings.prompt == "<lora:styles/Oil & pastel:1>"


def test_what_is_chosen_is_written_at_the_cursor_and_its_weight_marked(studio, panel):
    studio.set(has_loras=True, loras=LORAS)
    prompt = part(panel, "scumblePrompt")
    prompt.insertPlainText("a ship at sea")
    cursor = prompt.textCursor()
    cursor.setPosition(6)
    prompt.setTextCursor(cursor)
    menu_of(panel).actions()[0].trigger()
    assert studio.settings.prompt == "a ship <lora:Ink:1> at sea"
    assert (marked(prompt), prompt.hasFocus()) == ("1", True)
    QTest.keyClicks(prompt, "0.6")
    assert studio.settings.prompt == "a ship <lora:Ink:0.6> at sea"
    prompt.undo()
    prompt.undo()
    assert prompt.toPlainText() == "a ship at sea"


def test_the_keyboard_reaches_the_button(studio, panel):
    studio.set(has_loras=True, loras=LORAS)
    part(panel, "scumblePrompt").setFocus()
    panel.focusNextPrevChild(True)
    assert part(panel, "scumbleLora").hasFocus()
    menu, shown = panel.findChild(QtWidgets.QMenu, "scumbleLoraMenu"), []

    def look():
        shown.append(menu.isVisible())
        menu.close()

    QtCore.QTimer.singleShot(0, look)
    QTest.keyClick(part(panel, "scumbleLora"), QtCore.Qt.Key.Key_Return)
    assert shown == [True]


# --- while it is typed


@pytest.fixture
def prompt(studio, panel):
    studio.set(has_loras=True, loras=LORAS)
    field = part(panel, "scumblePrompt")
    field.setFocus()
    settle()
    yield field
    if (shown := popup()) is not None:
        shown.hide()


def test_typing_the_beginning_lists_all_and_letters_narrow_it(studio, prompt):
    QTest.keyClicks(prompt, "a ship <lora")
    assert popup() is None
    QTest.keyClicks(prompt, ":")
    assert offered() == list(LORAS)
    QTest.keyClicks(prompt, "ink")
    assert offered() == ["Ink", "styles/Ink wash"]
    QTest.keyClicks(prompt, "zzz")
    assert popup() is None


def test_enter_writes_the_first_and_arrows_choose(studio, prompt):
    QTest.keyClicks(prompt, "a ship <lora:in")
    QTest.keyClick(popup(), KEY.Key_Down)
    QTest.keyClick(popup(), KEY.Key_Return)
    assert popup() is None
    assert studio.settings.prompt == "a ship <lora:styles/Ink wash:1>"
    assert marked(prompt) == "1"
    prompt.moveCursor(QtGui.QTextCursor.MoveOperation.End)
    QTest.keyClicks(prompt, " <lora:oil")
    QTest.keyClick(popup(), KEY.Key_Tab)
    assert studio.settings.prompt == "a ship <lora:styles/Ink wash:1> <lora:styles/Oil & pastel:1>"


def test_escape_closes_the_list_and_nothing_else(studio, prompt):
    QTest.keyClicks(prompt, "<lora:")
    QTest.keyClick(popup(), KEY.Key_Escape)
    assert popup() is None
    assert prompt.hasFocus()
    assert studio.settings.prompt == "<lora:"


@pytest.mark.parametrize("key", [KEY.Key_Tab, KEY.Key_Return, KEY.Key_Escape, KEY.Key_Backspace, KEY.Key_Delete])
def test_no_shortcut_of_krita_takes_the_keys_of_the_list(studio, prompt, key):
    QTest.keyClicks(prompt, "<lora:i")
    event = QtGui.QKeyEvent(QtCore.QEvent.Type.ShortcutOverride, key, QtCore.Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QtWidgets.QApplication.sendEvent(popup(), event)
    assert event.isAccepted()


@pytest.mark.parametrize(
    ("behind", "written", "weight"),
    [
        ("k:0.8> here", "<lora:styles/Ink wash:0.8> here", "0.8"),
        ("k> here", "<lora:styles/Ink wash:1> here", "1"),
        (" here", "<lora:styles/Ink wash:1> here", "1"),
    ],
)
def test_a_name_that_is_there_is_replaced_and_its_weight_kept(studio, prompt, behind, written, weight):
    prompt.insertPlainText(f"<lora:{behind}")
    cursor = prompt.textCursor()
    cursor.setPosition(len("<lora:"))
    prompt.setTextCursor(cursor)
    loras_module.write_lora(prompt, "styles/Ink wash")
    assert studio.settings.prompt == written
    assert marked(prompt) == weight


def test_the_other_fields_list_nothing(studio, panel, prompt):
    panel.open_more(True)
    settle()
    negative = part(panel, "scumbleNegative")
    negative.setFocus()
    QTest.keyClicks(negative, "<lora:")
    assert popup() is None


# --- what the model does not know


def test_of_weights_that_mean_nothing_it_is_said(studio, panel):
    said = part(panel, "scumbleWeightsInVain")
    assert not said.isVisible()
    studio.set(model=replace(MODEL, weights=False), weights_in_vain=True)
    assert said.isVisible()
    assert said.text() == "Weights mean nothing to this model"
    assert not part(panel, "scumbleNotice").isVisible()
    studio.set(weights_in_vain=False)
    assert not said.isVisible()
