"""What Krita calls of the plugin, with a stand-in for Krita: run under each Qt by `test_bindings.py`."""

import logging
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fake_krita"))
import krita

from krita_plugin import extension, unable
from krita_plugin.link.link import Link
from krita_plugin.qt import QtCore, QtWidgets


@pytest.fixture(scope="session")
def application():
    return QtWidgets.QApplication.instance() or QtWidgets.QApplication([])


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path, application):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    monkeypatch.delenv(extension.SHOW_VARIABLE, raising=False)
    krita.quit_krita()
    yield tmp_path
    for scumble in extension.STARTED:
        scumble.close()
    extension.STARTED.clear()
    ours = logging.getLogger("krita_plugin")
    for handler in list(ours.handlers):
        ours.removeHandler(handler)
        handler.close()
    ours.propagate = True


@pytest.fixture
def scumble():
    extension.register()
    return extension.STARTED[0]


def docker_of(window):
    return window.qwindow().findChild(QtWidgets.QDockWidget, "scumbleDocker")


def log_of(home):
    return (home / "logs" / "plugin.log").read_text("utf-8")


def test_every_window_has_a_docker_of_one_studio(scumble):
    first, second = docker_of(krita.open_window()), docker_of(krita.open_window())
    assert first is not second
    assert first.windowTitle() == "Scumble"
    studios = {id(docker.widget()._studio) for docker in (first, second)}
    assert studios == {id(scumble.studio)}
    assert len(scumble.findChildren(Link)) == 1


@pytest.mark.parametrize(
    ("action", "method"),
    [
        ("scumble_generate", "generate"),
        ("scumble_cancel", "cancel_newest"),
        ("scumble_apply", "apply_chosen"),
        ("scumble_discard", "discard_chosen"),
    ],
)
def test_each_action_has_the_studio_do_its_own(scumble, monkeypatch, action, method):
    done = []
    window = krita.open_window()
    assert callable(getattr(type(scumble.studio), method))
    monkeypatch.setattr(type(scumble.studio), method, lambda studio: done.append(studio))
    window._actions[action].trigger()
    assert done == [scumble.studio]
    assert window._actions[action].text().startswith("Scumble: ")


def test_the_actions_are_those_of_the_file():
    from xml.etree import ElementTree

    path = Path(__file__).parents[2] / "packaging" / "plugin" / "scumble.action"
    found = {action.get("name"): action.findtext("text") for action in ElementTree.parse(path).iter("Action")}
    assert found == {name: text for name, text, _ in extension.ACTIONS}


def test_another_canvas_has_the_studio_look(scumble, monkeypatch):
    looked = []
    docker = docker_of(krita.open_window())
    monkeypatch.setattr(type(scumble.studio), "refresh", lambda studio: looked.append(studio))
    docker.canvasChanged(None)
    assert looked == [scumble.studio]


def raising(*_):
    raise RuntimeError("on purpose")


def test_nothing_raised_reaches_krita(scumble, monkeypatch, home):
    window = krita.open_window()
    for method in ("generate", "refresh", "close"):
        monkeypatch.setattr(type(scumble.studio), method, raising)
    window._actions["scumble_generate"].trigger()
    docker_of(window).canvasChanged(None)
    krita.Krita.instance().notifier().applicationClosing.emit()
    assert not scumble.findChild(Link)._thread
    monkeypatch.setenv(extension.SHOW_VARIABLE, "1")
    monkeypatch.setattr(krita.Krita, "windows", raising)
    krita.Krita.instance().notifier().windowCreated.emit()
    monkeypatch.setattr(krita.Window, "createAction", raising)
    scumble.createActions(window)
    monkeypatch.setattr(krita.Krita, "notifier", raising)
    scumble.setup()
    assert log_of(home).count("RuntimeError: on purpose") == 6
    monkeypatch.undo()


def test_a_docker_that_cannot_be_made_says_so(scumble, monkeypatch, home):
    monkeypatch.setattr(extension, "Panel", raising)
    words = docker_of(krita.open_window()).findChild(QtWidgets.QLabel, "scumbleUnable").text()
    assert "RuntimeError: on purpose" in words
    assert "scumble install-plugin" in words
    assert "RuntimeError: on purpose" in log_of(home)


def test_a_part_that_is_missing_is_told_in_its_own_words():
    from krita_plugin.bundled import IncompletePlugin

    happened, remedy = unable.sentences(IncompletePlugin("websockets", ImportError("no such thing")))
    assert "websockets" in happened
    assert "install-plugin" in remedy


def test_the_first_time_the_docker_is_shown_and_then_left_to_the_painter(scumble):
    first = krita.open_window()
    assert not docker_of(first).isHidden()
    docker_of(first).setVisible(False)
    second = krita.open_window()
    assert docker_of(first).isHidden()
    assert docker_of(second).isHidden()


def test_it_can_be_asked_for(scumble, monkeypatch):
    krita.Krita.instance().writeSetting(extension.GROUP, extension.SHOWN, "true")
    monkeypatch.setenv(extension.SHOW_VARIABLE, "1")
    assert not docker_of(krita.open_window()).isHidden()


def test_at_first_it_shares_the_place_of_brush_presets(scumble, monkeypatch):
    window = krita.open_window()
    presets = QtWidgets.QDockWidget()
    presets.setObjectName(extension.NEIGHBOUR)
    main = window.qwindow()
    main.addDockWidget(QtCore.Qt.DockWidgetArea.RightDockWidgetArea, presets)
    main.show()
    extension._make_room(main, docker_of(window))
    assert main.tabifiedDockWidgets(presets) == [docker_of(window)]
    main.hide()


def test_what_is_unfolded_stays_so_over_the_end(scumble):
    panel = docker_of(krita.open_window()).widget()
    panel.more_toggled.emit(True)
    assert krita.Krita.instance().readSetting(extension.GROUP, extension.OPENED, "") == "true"
    panel.more_toggled.emit(False)
    assert krita.Krita.instance().readSetting(extension.GROUP, extension.OPENED, "") == ""


@pytest.mark.parametrize("how", ["closing", "quit"])
def test_it_ends_with_krita(scumble, application, how):
    krita.open_window()
    link = scumble.findChild(Link)
    thread = link._thread
    assert thread.is_alive()
    if how == "closing":
        krita.Krita.instance().notifier().applicationClosing.emit()
    else:
        application.aboutToQuit.emit()
    assert not thread.is_alive()
    assert scumble.studio._closed
    # Krita may tell twice, and the docker may still be clicked
    scumble.close()
    scumble.studio.generate()


def test_outside_of_krita_importing_does_nothing():
    import krita_plugin

    assert krita_plugin.__name__ != krita_plugin.INSTALLED_NAME
    assert krita.Krita.instance()._factories == []
