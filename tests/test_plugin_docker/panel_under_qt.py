"""What the docker shows and passes on, against a double of the studio. Started by `test_bindings.py`."""

import sys
from dataclasses import replace

import pytest
from double import STYLES, job
from room import no_icon, part, settle

from krita_plugin.bundled import protocol
from krita_plugin.docker import Panel, words
from krita_plugin.docker import panel as panel_module
from krita_plugin.qt import MAJOR, QtCore, QtGui, QtWidgets
from krita_plugin.studio import (
    BackendState,
    BackendView,
    JobStage,
    Notice,
    NoticeKind,
    Settings,
)

if MAJOR == 6:
    from PyQt6 import sip
else:
    from PyQt5 import sip

FAILURE = protocol.Failure("broken", "The backend broke.", "Start it again.")


# --- settings


def test_each_control_changes_its_own_field_and_no_other(studio, panel):
    studio.settings = Settings(prompt="a", negative="b", strength=0.5, seed=7, random_seed=False, count=2, style="Ink")
    studio.settings_changed.emit()
    assert studio.calls == []
    before = studio.settings
    part(panel, "scumblePrompt").insertPlainText("x")
    part(panel, "scumbleNegative").setPlainText("z")
    part(panel, "scumbleStrength").setValue(40)
    part(panel, "scumbleSeed").selectAll()
    part(panel, "scumbleSeed").insert("9007199254740991")
    part(panel, "scumbleSeed").textEdited.emit("9007199254740991")
    part(panel, "scumbleRandomSeed").setChecked(True)
    part(panel, "scumbleCount").setValue(8)
    part(panel, "scumbleStyle").activated.emit(2)
    changes = [settings for (settings,) in studio.done("change")]
    wanted = before
    for number, fields in enumerate(
        (
            {"prompt": "xa"},
            {"negative": "z"},
            {"strength": 0.4},
            {"seed": protocol.MAX_SEED},
            {"random_seed": True},
            {"count": 8},
            {"style": STYLES[2].name},
        )
    ):
        wanted = replace(wanted, **fields)
        assert changes[number] == wanted, fields
    assert len(changes) == 7


def test_settings_of_another_document_are_shown_and_not_written(studio, panel):
    settings = Settings("a ship", "fog", 0.35, 123, False, 3, "Ink")
    studio.set(settings=settings)
    assert part(panel, "scumblePrompt").toPlainText() == "a ship"
    assert part(panel, "scumbleNegative").toPlainText() == "fog"
    assert part(panel, "scumbleStrength").value() == part(panel, "scumbleStrengthValue").value() == 35
    assert part(panel, "scumbleSeed").text() == "123"
    assert part(panel, "scumbleSeed").isEnabled()
    assert not part(panel, "scumbleRandomSeed").isChecked()
    assert part(panel, "scumbleCount").value() == 3
    assert part(panel, "scumbleStyle").currentText() == "Ink"
    assert studio.done("change") == []


def test_a_text_that_qt_shows_otherwise_is_not_written(studio, panel):
    studio.set(settings=Settings(prompt="a\r\nship", negative="fog\u2029"))
    assert part(panel, "scumblePrompt").toPlainText() == "a\nship"
    assert studio.done("change") == []


def test_showing_never_disturbs_who_types(studio, panel):
    prompt = part(panel, "scumblePrompt")
    prompt.insertPlainText("a red apple")
    cursor = prompt.textCursor()
    cursor.setPosition(2)
    cursor.setPosition(5, QtGui.QTextCursor.MoveMode.KeepAnchor)
    prompt.setTextCursor(cursor)
    studio.settings_changed.emit()
    studio.document_changed.emit()
    assert (prompt.textCursor().position(), prompt.textCursor().selectedText()) == (5, "red")
    prompt.undo()
    assert prompt.toPlainText() == ""
    studio.set(settings=Settings(prompt="b"))
    assert prompt.toPlainText() == "b"
    # what belongs to another document's prompt is not undone into this one
    prompt.undo()
    assert prompt.toPlainText() == "b"


def test_strength_names_the_button(studio, panel):
    generate, spin = part(panel, "scumbleGenerate"), part(panel, "scumbleStrengthValue")
    assert generate.text() == "Generate"
    spin.setValue(99)
    assert (generate.text(), studio.settings.strength) == ("Refine", 0.99)
    part(panel, "scumbleStrength").setValue(100)
    assert (generate.text(), spin.value(), studio.settings.strength) == ("Generate", 100, 1.0)
    studio.set(settings=Settings(strength=0.999))
    assert (generate.text(), spin.value()) == ("Refine", 99)
    assert studio.settings.strength == 0.999


def test_a_seed_is_a_number_within_its_range(studio, panel):
    seed = part(panel, "scumbleSeed")
    assert not seed.isEnabled()
    studio.set(settings=Settings(random_seed=False))
    assert seed.isEnabled()
    check = seed.validator().validate
    assert check("12x", 0)[0] == QtGui.QValidator.State.Invalid
    assert check("", 0)[0] != QtGui.QValidator.State.Invalid
    seed.setText("9999999999999999")
    seed.textEdited.emit(seed.text())
    assert studio.settings.seed == protocol.MAX_SEED
    seed.editingFinished.emit()
    assert seed.text() == str(protocol.MAX_SEED)
    seed.setText("")
    seed.textEdited.emit("")
    seed.editingFinished.emit()
    assert (seed.text(), studio.settings.seed) == ("0", 0)


def test_styles_come_and_go_and_the_choice_stays(studio, panel):
    combo = part(panel, "scumbleStyle")
    studio.set(settings=Settings(style="Ink"))
    studio.set(styles=())
    assert combo.currentText() == "Ink"
    studio.set(styles=STYLES[:1])
    assert combo.currentText() == "Ink (not there)"
    studio.set(styles=STYLES)
    assert (combo.currentText(), combo.count()) == ("Ink", 3)
    assert "12 steps" in combo.toolTip()
    studio.set(settings=Settings(), styles=())
    assert combo.currentText() == "Default"
    assert studio.done("change") == []


def test_what_is_folded_away_and_not_as_usual_is_told(studio, panel):
    said = part(panel, "scumbleMoreSummary")
    assert said.text() == ""
    studio.set(settings=Settings(count=4, seed=12, random_seed=False, negative="blur\nfog"))
    assert said.text() == "4 variations, seed 12, without blur fog"
    assert not part(panel, "scumbleCount").isVisible()
    heard = []
    panel.more_toggled.connect(heard.append)
    part(panel, "scumbleMore").click()
    assert part(panel, "scumbleCount").isVisible()
    assert said.text() == ""
    panel.open_more(True)
    panel.open_more(False)
    assert heard == [True, False]
    assert not part(panel, "scumbleCount").isVisible()


# --- asking, and the backend


def test_buttons_ask_the_studio(studio, panel):
    part(panel, "scumbleGenerate").click()
    studio.set(jobs=(job(),), backend=BackendView(BackendState.READY, can_start=True, can_stop=True))
    for name in ("scumbleCancel", "scumbleStart", "scumbleStop"):
        part(panel, name).click()
    assert studio.calls == [("generate",), ("cancel_newest",), ("start_backend",), ("stop_backend", False)]


def test_nothing_can_be_asked_for_where_it_cannot_be_had(studio, panel):
    studio.set(can_generate=False)
    assert not part(panel, "scumbleGenerate").isEnabled()
    part(panel, "scumblePrompt").asked.emit()
    assert studio.done("generate") == []
    assert part(panel, "scumblePrompt").isEnabled()
    assert not part(panel, "scumbleHint").isVisible()
    studio.set(has_document=False)
    for name in ("scumblePrompt", "scumbleStrength", "scumbleStyle", "scumbleMore"):
        assert not part(panel, name).isEnabled(), name
    assert part(panel, "scumbleHint").isVisible()
    assert part(panel, "scumbleHint").text() == panel_module.NO_DOCUMENT
    studio.set(has_document=True, can_generate=True)
    assert part(panel, "scumbleGenerate").isEnabled()
    assert part(panel, "scumbleStrength").isEnabled()


def test_cancel_is_there_for_what_can_be_cancelled(studio, panel):
    cancel = part(panel, "scumbleCancel")
    assert cancel.isVisible()
    assert not cancel.isEnabled()
    studio.set(jobs=(job(),))
    assert cancel.isEnabled()
    studio.set(jobs=(job(stage=JobStage.CANCELLING),))
    assert not cancel.isEnabled()


@pytest.mark.parametrize("state", BackendState)
def test_the_status_says_how_it_stands(studio, panel, state):
    studio.set(backend=BackendView(state, device="A card", others=2))
    status = part(panel, "scumbleStatus")
    assert status.text() == words.BACKEND[state]
    help_event(status)
    assert words.BACKEND_HINTS[state] in status.toolTip()
    assert "Jobs of others before yours: 2." in status.toolTip()
    assert not part(panel, "scumbleStart").isVisible()
    assert not part(panel, "scumbleStop").isVisible()


def test_no_two_states_look_or_sound_alike():
    assert len(set(words.BACKEND.values())) == len(BackendState)
    # starting and connecting are one sign: something is under way
    from krita_plugin.docker import notice, status

    assert len(set(status.SHAPES.values())) == len(BackendState) - 1
    assert len(set(notice.SHAPES.values())) == len(NoticeKind)


def test_trouble_is_told_once(studio, panel):
    studio.set(backend=BackendView(BackendState.LOST, FAILURE))
    trouble = part(panel, "scumbleTrouble")
    assert trouble.isVisible()
    assert trouble.text() == "The backend broke.\nStart it again."
    studio.set(notice=Notice.of(FAILURE))
    assert not trouble.isVisible()
    studio.set(notice=None)
    assert trouble.isVisible()


# --- the panel itself


def test_two_windows_show_the_same(studio, panel):
    other = Panel(studio, lambda name: QtGui.QIcon())
    part(panel, "scumblePrompt").insertPlainText("a ship")
    part(other, "scumbleStrength").setValue(40)
    part(panel, "scumbleRandomSeed").setChecked(False)
    seed = part(other, "scumbleSeed")
    seed.setText("007")
    seed.textEdited.emit("007")
    part(panel, "scumbleCount").setValue(3)
    for one in (panel, other):
        assert part(one, "scumblePrompt").toPlainText() == "a ship"
        assert part(one, "scumbleStrengthValue").value() == 40
        assert part(one, "scumbleGenerate").text() == "Refine"
        assert not part(one, "scumbleRandomSeed").isChecked()
        assert part(one, "scumbleCount").value() == 3
    assert part(panel, "scumbleSeed").text() == "7"
    assert part(other, "scumbleSeed").text() == "007", "nothing is written into what is being typed"
    other.deleteLater()


def test_a_fault_stays_in_the_log(studio, panel, caplog):
    studio.jobs = None
    studio.jobs_changed.emit()
    assert "a fault in the docker" in caplog.text
    caplog.clear()


def test_a_window_that_is_closed_as_a_notice_comes_raises_nothing(studio, monkeypatch, caplog):
    """Krita shows what a timer raises as a dialog with a traceback."""
    raised = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: raised.append(error))
    closed = Panel(studio, no_icon)
    closed.show()
    settle()
    studio.set(notice=Notice(NoticeKind.ERROR, "It broke.", "Mend it."))
    sip.delete(closed)
    settle()
    assert (raised, caplog.text) == ([], "")


def help_event(widget):
    where = QtCore.QPoint(1, 1)
    event = QtGui.QHelpEvent(QtCore.QEvent.Type.ToolTip, where, widget.mapToGlobal(where))
    QtWidgets.QApplication.sendEvent(widget, event)
    QtWidgets.QToolTip.hideText()
