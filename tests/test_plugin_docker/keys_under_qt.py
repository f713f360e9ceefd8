"""Keys in the docker while Krita has shortcuts on them, and the way through the docker by keyboard alone."""

import pytest
from double import job, offers
from room import no_icon, part, settle

from krita_plugin.docker import Panel
from krita_plugin.qt import MAJOR, QAction, QtCore, QtGui, QtWidgets
from krita_plugin.studio import Notice, NoticeKind, Settings

if MAJOR == 6:
    from PyQt6.QtTest import QTest
else:
    from PyQt5.QtTest import QTest

Key, Modifier = QtCore.Qt.Key, QtCore.Qt.KeyboardModifier
NONE, SHIFT, CONTROL = Modifier.NoModifier, Modifier.ShiftModifier, Modifier.ControlModifier

# as Krita has them: brush, eraser, hide the dockers, clear, fill, undo, pan, layers
SHORTCUTS = (
    *(
        "B",
        "E",
        "Shift+E",
        "1",
        "Tab",
        "Shift+Tab",
        "Del",
        "Backspace",
        "Ctrl+Backspace",
        "Ctrl+Del",
        "Ctrl+Z",
        "Ctrl+A",
    ),
    *("Space", "Return", "Shift+Return", "Enter", "Esc", "PgUp", "PgDown", "Up", "Down", "Left", "Right", "Home", "/"),
    *("Ctrl+S", "Ctrl+Shift+S", "F5"),
)


@pytest.fixture
def window(studio):
    """A main window with Krita's shortcuts, and a panel in it. Its `fired` names the shortcuts that were taken."""
    made = QtWidgets.QMainWindow()
    made.fired = []
    for keys in SHORTCUTS:
        action = QAction(keys, made)
        action.setShortcut(QtGui.QKeySequence(keys))
        action.triggered.connect(lambda _checked, keys=keys: made.fired.append(keys))
        made.addAction(action)
    made.panel = Panel(studio, no_icon)
    # as in Krita: the canvas in a window inside of the window, and a docker
    canvases = QtWidgets.QMdiArea()
    canvas = QtWidgets.QWidget()
    canvas.setFocusPolicy(QtCore.Qt.FocusPolicy.ClickFocus)
    made.setCentralWidget(canvases)
    docker = QtWidgets.QDockWidget("Scumble")
    docker.setWidget(made.panel)
    made.addDockWidget(QtCore.Qt.DockWidgetArea.RightDockWidgetArea, docker)
    # opened later than the docker, and no stop of Tab itself: Qt's own way back ends there
    canvases.addSubWindow(canvas).showMaximized()
    made.canvas = canvas
    made.resize(700, 900)
    made.show()
    made.activateWindow()
    settle()
    assert QtWidgets.QApplication.activeWindow() is made
    yield made
    made.close()
    made.deleteLater()
    settle()


def focus(window, name):
    found = part(window.panel, name)
    found.setFocus()
    settle()
    assert found.hasFocus()
    return found


def test_the_window_has_krita_s_shortcuts(window):
    window.setFocus()
    for keys in SHORTCUTS:
        if keys != "Tab" and keys != "Shift+Tab":
            press(window, keys)
    assert set(window.fired) == set(SHORTCUTS) - {"Tab", "Shift+Tab"}


def press(widget, keys):
    sequence = QtGui.QKeySequence(keys)
    if MAJOR == 6:
        QTest.keyClick(widget, sequence[0].key(), sequence[0].keyboardModifiers())
    else:
        code = sequence[0]
        mask = int(Modifier.KeyboardModifierMask)
        QTest.keyClick(widget, Key(code & ~mask), Modifier(code & mask))


@pytest.mark.parametrize("name", ["scumblePrompt", "scumbleNegative"])
def test_writing_stays_in_the_field(window, studio, name):
    window.panel.open_more(True)
    field = focus(window, name)
    QTest.keyClicks(field, "bE 1/")
    assert field.toPlainText() == "bE 1/"
    QTest.keyClick(field, Key.Key_Backspace)
    QTest.keyClick(field, Key.Key_Return)
    assert field.toPlainText() == "bE 1\n"
    QTest.keyClicks(field, "two words")
    QTest.keyClick(field, Key.Key_Backspace, CONTROL)
    assert field.toPlainText() == "bE 1\ntwo "
    QTest.keyClick(field, Key.Key_Home)
    QTest.keyClick(field, Key.Key_Delete, CONTROL)
    QTest.keyClick(field, Key.Key_Z, CONTROL)
    assert field.toPlainText() == "bE 1\ntwo "
    QTest.keyClick(field, Key.Key_A, CONTROL)
    QTest.keyClick(field, Key.Key_Delete)
    assert field.toPlainText() == ""
    assert window.fired == []
    assert studio.done("generate") == []


def test_what_is_no_writing_stays_krita_s(window):
    field = focus(window, "scumblePrompt")
    QTest.keyClick(field, Key.Key_S, CONTROL)
    QTest.keyClick(field, Key.Key_F5)
    QTest.keyClick(field, Key.Key_S, CONTROL | SHIFT)
    assert window.fired == ["Ctrl+S", "F5", "Ctrl+Shift+S"]
    focus(window, "scumbleGenerate")
    QTest.keyClick(window.focusWidget(), Key.Key_B)
    assert window.fired[-1] == "B"


@pytest.mark.parametrize("name", ["scumblePrompt", "scumbleNegative"])
@pytest.mark.parametrize("key", [Key.Key_Return, Key.Key_Enter])
def test_shift_enter_generates(window, studio, name, key):
    window.panel.open_more(True)
    field = focus(window, name)
    QTest.keyClicks(field, "a")
    QTest.keyClick(field, key, SHIFT)
    assert studio.done("generate") == [()]
    assert field.toPlainText() == "a"
    assert window.fired == []
    studio.set(can_generate=False)
    QTest.keyClick(field, key, SHIFT)
    assert studio.done("generate") == [()]


@pytest.mark.parametrize(
    "name", ["scumblePrompt", "scumbleStrengthValue", "scumbleStyle", "scumbleGenerate", "scumbleOffers"]
)
def test_escape_goes_back_to_the_canvas(window, studio, name):
    studio.set(offers=offers(2))
    field = focus(window, name)
    QTest.keyClick(field, Key.Key_Escape)
    settle()
    assert window.canvas.hasFocus()
    assert window.fired == []
    QTest.keyClick(window.canvas, Key.Key_B)
    assert window.fired == ["B"]


def test_escape_leaves_where_there_is_no_canvas(window):
    window.findChild(QtWidgets.QMdiArea).closeAllSubWindows()
    field = focus(window, "scumblePrompt")
    QTest.keyClick(field, Key.Key_Escape)
    assert not field.hasFocus()


def test_tab_goes_through_every_control_in_the_order_of_their_places(window, studio):
    window.panel.open_more(True)
    studio.set(settings=Settings(random_seed=False), offers=offers(2))
    wanted = [
        *("scumbleStop", "scumblePrompt", "scumbleGenerate", "scumbleStyle", "scumbleOpenStyles", "scumbleStrength"),
        *("scumbleStrengthValue", "scumbleMore", "scumbleNegative", "scumbleSeed", "scumbleRandomSeed", "scumbleCount"),
        *("scumbleOffers", "scumbleApply", "scumbleDiscard", "scumbleDiscardAll"),
    ]
    assert travel(focus(window, wanted[0]), len(wanted), Key.Key_Tab, NONE) == wanted
    assert travel(focus(window, wanted[-1]), len(wanted), Key.Key_Backtab, SHIFT) == wanted[::-1]
    assert window.fired == []
    # and out of the docker at its ends
    for name, key, modifier in ((wanted[0], Key.Key_Backtab, SHIFT), (wanted[-1], Key.Key_Tab, NONE)):
        QTest.keyClick(focus(window, name), key, modifier)
        assert not window.panel.isAncestorOf(QtWidgets.QApplication.focusWidget())


def travel(start, count, key, modifier):
    met = [start]
    while len(met) < count:
        QTest.keyClick(met[-1], key, modifier)
        met.append(QtWidgets.QApplication.focusWidget())
    return [widget.objectName() for widget in met]


def test_buttons_are_pressed_by_keys(window, studio):
    QTest.keyClick(focus(window, "scumbleGenerate"), Key.Key_Space)
    QTest.keyClick(focus(window, "scumbleGenerate"), Key.Key_Return)
    assert studio.done("generate") == [(), ()]
    QTest.keyClick(focus(window, "scumbleStop"), Key.Key_Space)
    assert studio.done("stop_backend") == [(False,)]
    assert window.fired == []


@pytest.mark.parametrize("key", [Key.Key_Return, Key.Key_Enter])
def test_enter_presses_every_button_that_space_presses(window, studio, key):
    studio.set(offers=offers(3), jobs=(job(),), notice=Notice(NoticeKind.INFO, "It is so.", ""))
    done = {
        "scumbleCancel": ("cancel_newest", [()]),
        "scumbleStop": ("stop_backend", [(False,)]),
        "scumbleNoticeDismiss": ("dismiss_notice", [()]),
        "scumbleApply": ("apply", [("one", 0)]),
        "scumbleDiscard": ("discard", [("one", 0)]),
        "scumbleDiscardAll": ("discard_all", [()]),
        "scumbleJobCancel": ("cancel", [("one",)]),
    }
    for name, (method, calls) in done.items():
        assert studio.done(method) == []
        QTest.keyClick(focus(window, name), key)
        assert studio.done(method) == calls, name
    QTest.keyClick(focus(window, "scumbleMore"), key)
    settle()
    # it is open, and a check box is changed by Space alone
    random = focus(window, "scumbleRandomSeed")
    QTest.keyClick(random, key)
    assert random.isChecked()
    assert window.fired == []


def test_numbers_are_changed_by_keys(window, studio):
    QTest.keyClick(focus(window, "scumbleStrength"), Key.Key_PageDown)
    QTest.keyClick(focus(window, "scumbleStrengthValue"), Key.Key_Down)
    assert round(studio.settings.strength * 100) == 89
    assert window.fired == []


def test_thumbnails_by_keys(window, studio):
    studio.set(offers=offers(4))
    grid = focus(window, "scumbleOffers")
    QTest.keyClick(grid, Key.Key_Right)
    assert grid.chosen_key() == ("one", 1)
    QTest.keyClick(grid, Key.Key_End)
    assert grid.chosen_key() == ("one", 3)
    QTest.keyClick(grid, Key.Key_Left)
    QTest.keyClick(grid, Key.Key_Return)
    QTest.keyClick(grid, Key.Key_Delete)
    assert studio.done("apply") == studio.done("discard") == [("one", 2)]
    assert window.fired == []
    QTest.keyClick(grid, Key.Key_B)
    assert window.fired == ["B"]


def test_space_shows_the_chosen_one_large_until_a_key(window, studio):
    studio.set(offers=offers(2))
    QTest.keyClick(focus(window, "scumbleOffers"), Key.Key_Space)
    settle()
    popup = QtWidgets.QApplication.activePopupWidget()
    assert popup is not None
    assert popup.objectName() == "scumbleLargePopup"
    assert not popup.isModal()
    assert popup.contentsRect().size() == studio.offers[0].thumbnail.size()
    QTest.keyClick(popup, Key.Key_Escape)
    settle()
    assert QtWidgets.QApplication.activePopupWidget() is None
    assert window.fired == []
    QTest.mouseClick(part(window.panel, "scumbleLarge"), QtCore.Qt.MouseButton.LeftButton)
    settle()
    assert QtWidgets.QApplication.activePopupWidget() is not None
    QtWidgets.QApplication.activePopupWidget().close()


def test_the_wheel_scrolls_and_changes_nothing_that_has_no_focus(window, studio):
    window.resize(700, 200)
    settle()
    for name in ("scumbleStrength", "scumbleStrengthValue", "scumbleStyle", "scumbleCount"):
        control = part(window.panel, name)
        wheel(control)
        assert studio.done("change") == [], name
    # wheels are wheels again for the control that is being used
    wheel(focus(window, "scumbleStrength"))
    assert len(studio.done("change")) == 1


def wheel(control):
    at = QtCore.QPointF(control.rect().center())
    event = QtGui.QWheelEvent(
        at,
        QtCore.QPointF(control.mapToGlobal(control.rect().center())),
        QtCore.QPoint(0, 0),
        QtCore.QPoint(0, -120),
        QtCore.Qt.MouseButton.NoButton,
        NONE,
        QtCore.Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QtWidgets.QApplication.sendEvent(control, event)
    settle()


def test_pasting_takes_words_only(window, studio):
    field = focus(window, "scumblePrompt")
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl("file:///tmp/picture.png")])
    data.setText("file:///tmp/picture.png")
    field.insertFromMimeData(data)
    assert field.toPlainText() == ""
    data = QtCore.QMimeData()
    data.setHtml("<b>a ship</b>")
    data.setText("a ship")
    field.insertFromMimeData(data)
    assert field.toPlainText() == "a ship"
