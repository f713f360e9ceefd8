"""Checks inside a real Krita whose copy of the plugin lacks a part."""

import sys

from krita import Krita

QtWidgets = sys.modules["scumble.qt"].QtWidgets


def check_the_docker_says_what_is_missing_and_what_to_do(t):
    window = Krita.instance().activeWindow().qwindow()
    docker = window.findChild(QtWidgets.QDockWidget, "scumbleDocker")
    words = docker.findChild(QtWidgets.QLabel, "scumbleUnable").text()
    assert "websockets" in words
    assert "scumble install-plugin" in words
    docker.setVisible(True)
    docker.raise_()
    yield lambda: docker.isVisible()
