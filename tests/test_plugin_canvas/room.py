"""What the tests of the canvas share: an application, the stand-in for Krita, new documents. Loaded as a plugin of pytest."""

import os

import krita
import pytest

from krita_plugin.qt import MAJOR, QtGui

SRGB = "sRGB-elle-V2-srgbtrc.icc"


@pytest.fixture(scope="session", autouse=True)
def app():
    assert os.environ["SCUMBLE_QT"] == str(MAJOR)
    return QtGui.QGuiApplication([])


@pytest.fixture(autouse=True)
def fresh():
    krita.quit_krita()


def opened(model="RGBA", depth="U8", profile="", size=(40, 30)):
    """A new document, which is the one in front."""
    made = krita.Krita.instance().createDocument(*size, "test", model, depth, profile, 300.0)
    krita.show(made)
    return made
