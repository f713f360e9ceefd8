"""Checks inside a real Krita that `scumble install-plugin` has been run for."""

import os
import sys

from krita import Krita

QtWidgets = sys.modules["scumble.qt"].QtWidgets

SHORTCUTS = {
    "scumble_generate": "Ctrl+Alt+Return",
    "scumble_cancel": "Ctrl+Alt+Shift+X",
    "scumble_apply": "Ctrl+Alt+Shift+A",
    "scumble_discard": "Ctrl+Alt+Shift+D",
}


def app():
    return Krita.instance()


def docker(window=None):
    window = window or app().activeWindow()
    return window.qwindow().findChild(QtWidgets.QDockWidget, "scumbleDocker")


def check_the_docker_is_there_and_shows(t):
    yield lambda: docker() is not None and docker().isVisible()
    assert docker().windowTitle() == "Scumble"
    assert docker().findChild(QtWidgets.QLabel, "scumbleUnable") is None, (
        docker().findChild(QtWidgets.QLabel, "scumbleUnable").text()
    )
    assert docker().findChild(QtWidgets.QWidget, "scumblePrompt") is not None
    # in a tab behind another docker it would be there and not be seen
    yield lambda: not docker().visibleRegion().isEmpty()


def check_it_came_from_krita_s_folder_with_what_it_needs(t):
    folder = os.path.join(os.environ["XDG_DATA_HOME"], "krita", "pykrita", "scumble")
    assert sys.modules["scumble"].__file__ == os.path.join(folder, "__init__.py")
    bundled = sys.modules["scumble.bundled"]
    assert bundled.protocol.__name__ == "scumble._vendor.protocol"
    assert bundled.websocket_client.__name__ == "scumble._vendor.websockets.asyncio.client"
    assert "protocol" not in sys.modules
    assert "websockets" not in sys.modules


def check_the_actions_are_there_with_their_shortcuts(t):
    for name, keys in SHORTCUTS.items():
        action = app().action(name)
        assert action is not None, name
        assert action.shortcut().toString() == keys, (name, action.shortcut().toString())
        assert action.text().replace("&", "").startswith("Scumble: ")


def check_no_action_of_krita_has_the_same_shortcut(t):
    ours = set(SHORTCUTS.values())
    taken = {
        action.objectName(): key.toString()
        for action in app().actions()
        if action.objectName() not in SHORTCUTS
        for key in action.shortcuts()
        if key.toString() in ours
    }
    assert taken == {}


def check_the_actions_reach_the_studio(t):
    # with no document there is nothing to generate in: the studio says so, and no dialog comes
    app().action("scumble_generate").trigger()
    told = docker().findChild(QtWidgets.QWidget, "scumbleNotice")
    yield lambda: told.isVisible()


def check_a_second_window_has_a_docker_of_the_same_studio(t):
    first = docker()
    # kept: Krita closes nothing for us, but Python's side of the window is ours
    t.window = app().openWindow()
    yield lambda: len(app().windows()) == 2
    others = [found for window in app().windows() if (found := docker(window)) is not None and found is not first]
    yield lambda: bool(others)
    assert len(sys.modules["scumble.extension"].STARTED) == 1


def check_the_log_is_kept_and_tells_of_no_fault(t):
    path = os.path.join(os.environ["SCUMBLE_HOME"], "logs", "plugin.log")
    with open(path, encoding="utf-8") as file:
        words = file.read()
    assert "in Krita" in words
    assert "Traceback" not in words, words
