"""What stands in the docker's place where Scumble cannot work: what happened, and what to do.

Like `__init__.py` for Python 3.8, and with nothing of the rest of the plugin: that may be what is broken.
"""

from __future__ import annotations

import logging
from typing import Any, Callable  # noqa: UP035 - the other place only from Python 3.9

from .qt import QtCore, QtWidgets

DOCKER = "scumbleDocker"
"""The docker's id and objectName; by it Krita remembers where the painter has put it."""

TITLE = "Scumble"

LEAST_WIDTH = 160
"""Of the words, in pixels: a docker narrower than this is only passed through while being moved."""

log = logging.getLogger(__name__)


def register(happened: str, remedy: str) -> None:
    """Give Krita a docker that says this. Raises ImportError outside of Krita."""
    from krita import DockWidgetFactory, DockWidgetFactoryBase, Krita  # type: ignore[import-not-found, unused-ignore]

    log.warning("not started: %s %s", happened, remedy)

    def make() -> QtWidgets.QDockWidget:
        return make_docker(words(happened, remedy), lambda: None)

    Krita.instance().addDockWidgetFactory(DockWidgetFactory(DOCKER, DockWidgetFactoryBase.DockPosition.DockRight, make))


def register_fault(error: Exception) -> None:
    """Give Krita a docker that says why the plugin does not start."""
    log.error("the plugin does not start", exc_info=error)
    register(*sentences(error))


def sentences(error: Exception) -> tuple[str, str]:
    """Return what happened and what to do, of an IncompletePlugin or any other fault."""
    happened = getattr(error, "happened", None) or f"Scumble's plugin does not start: {type(error).__name__}: {error}."
    remedy = getattr(error, "remedy", None)
    return happened, remedy or "Install the plugin again with 'scumble install-plugin', then restart Krita."


def words(happened: str, remedy: str) -> QtWidgets.QWidget:
    """Return a widget that says this, and from which it can be copied."""
    label = QtWidgets.QLabel(f"{happened}\n\n{remedy}")
    label.setObjectName("scumbleUnable")
    label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMargin(8)
    label.setMinimumWidth(LEAST_WIDTH)
    label.setAlignment(QtCore.Qt.AlignmentFlag.AlignTop | QtCore.Qt.AlignmentFlag.AlignLeft)
    flags = QtCore.Qt.TextInteractionFlag
    label.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)
    return label


def make_docker(contents: QtWidgets.QWidget, canvas_changed: Callable[[], object]) -> QtWidgets.QDockWidget:
    """Return a docker for Krita around a widget. `canvas_changed()` is called when another canvas is shown, or none."""
    from krita import DockWidget

    class Docker(DockWidget):  # type: ignore[misc, unused-ignore]
        """Krita's kind of docker."""

        def canvasChanged(self, canvas: object) -> None:  # noqa: N802
            """Krita's own call."""
            canvas_changed()

    docker: Any = Docker()
    docker.setObjectName(DOCKER)
    docker.setWindowTitle(TITLE)
    docker.setWidget(contents)
    made: QtWidgets.QDockWidget = docker
    return made
