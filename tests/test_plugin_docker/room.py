"""What the tests of the docker share: an application, panels, and their widgets by name. Loaded as a plugin of pytest."""

import os
import sys
import time

import pytest
from double import StudioDouble

from krita_plugin.docker import Panel
from krita_plugin.qt import MAJOR, QtCore, QtGui, QtWidgets

NARROW = 300
"""Pixels: the docker's least width."""

COMMON_FONT = 9
"""Points, as Krita's dockers have them or a little more; without a screen Qt takes 12."""


@pytest.fixture(scope="session", autouse=True)
def app():
    assert os.environ["SCUMBLE_QT"] == str(MAJOR)
    made = QtWidgets.QApplication([])
    # Krita's own style
    made.setStyle("Fusion")
    font = made.font()
    font.setPointSizeF(COMMON_FONT)
    made.setFont(font)
    return made


@pytest.fixture(autouse=True)
def no_faults(caplog, monkeypatch):
    """No test leaves a traceback: neither in the log nor raised out of a slot."""
    raised = []
    monkeypatch.setattr(sys, "excepthook", lambda *fault: raised.append(fault))
    yield
    assert raised == []
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.fixture
def studio():
    return StudioDouble()


@pytest.fixture
def panel(studio):
    """The docker before the double of the studio."""
    yield from shown(studio)


@pytest.fixture
def docker(real):
    """The docker before a real studio, which the tests themselves make."""
    yield from shown(real)


def shown(studio):
    made = Panel(studio, no_icon)
    made.resize(NARROW, 900)
    made.show()
    made.activateWindow()
    settle()
    yield made
    made.close()
    made.deleteLater()
    settle()


def no_icon(name):
    return QtGui.QIcon()


def settle():
    """Let Qt do what it has put off."""
    for _ in range(5):
        QtCore.QCoreApplication.sendPostedEvents()
        QtCore.QCoreApplication.processEvents()


def until(holds, seconds=60):
    """Run Qt's event loop until a condition holds."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came to hold"
        QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 10)
    return found


def part(panel, name):
    (found,) = panel.findChildren(QtWidgets.QWidget, name)
    return found


def parts(panel, name):
    return [each for each in panel.findChildren(QtWidgets.QWidget, name) if each.isVisible()]
