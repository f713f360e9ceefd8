"""Scumble as Krita sees it: a docker, four actions, and an end with Krita's own.

Krita shows whatever is raised in here as a dialog with a traceback: so each of its calls is guarded.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from . import unable
from .canvas.api import Krita, Window, running_krita
from .docker import Panel
from .link import places
from .link.installation import installation
from .link.link import Link
from .log import log_to
from .qt import QtCore, QtGui, QtWidgets
from .studio import Studio
from .version import VERSION

if TYPE_CHECKING:
    Base = QtCore.QObject
    Factory = Any
    Position = Any
else:
    from krita import DockWidgetFactory as Factory
    from krita import DockWidgetFactoryBase
    from krita import Extension as Base

    Position = DockWidgetFactoryBase.DockPosition

log = logging.getLogger(__name__)

MENU: Final = "tools/scripts"
"""Where Krita shows the actions of plugins: Tools > Scripts."""

GROUP: Final = "scumble"
"""Of our own settings in kritarc."""

SHOWN: Final = "docker_shown"
"""The setting that says that the docker has been shown once: Krita hides a new plugin's at first."""

OPENED: Final = "more_open"
"""The setting that says that the seldom needed part of the docker is unfolded."""

NEIGHBOUR: Final = "PresetDocker"
"""Krita's docker of brush presets, whose place ours shares at first. The painter may move either."""

FIRST_HEIGHT: Final = 480
"""Pixels that are asked for at first: prompt, settings and button. Krita gives what it has."""

SHOW_VARIABLE: Final = "SCUMBLE_SHOW_DOCKER"
"""Set to anything in the environment, it has the docker shown at the start."""

ACTIONS: Final = (
    ("scumble_generate", "Scumble: Generate", "generate"),
    ("scumble_cancel", "Scumble: Cancel", "cancel_newest"),
    ("scumble_apply", "Scumble: Apply", "apply_chosen"),
    ("scumble_discard", "Scumble: Discard", "discard_chosen"),
)
"""Id as in scumble.action, text, and what the studio does. The shortcuts are in that file, where the painter's own replace them."""


def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    """Have whatever is raised logged; the call then returns None."""

    @functools.wraps(call)
    def safe(*arguments: object) -> object:
        try:
            return call(*arguments)
        except Exception:
            log.exception("a fault in %s", getattr(call, "__qualname__", call))
            return None

    return safe


STARTED: Final[list[Scumble]] = []
"""The one that Krita has; its own reference to it does not keep Python's half alive."""


class Scumble(Base):
    """One for a Krita: it owns the link and the studio, which the dockers of all windows show."""

    def __init__(self, krita: Krita) -> None:
        super().__init__(cast(QtCore.QObject, krita))
        self._krita = krita
        self._link: Link | None = None
        self._studio: Studio | None = None

    @guarded
    def setup(self) -> None:
        """Krita's own call, once."""
        notifier = self._krita.notifier()
        # without this it tells nothing
        notifier.setActive(True)
        notifier.windowCreated.connect(self._window_created)
        notifier.applicationClosing.connect(self.close)
        application = QtCore.QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @guarded
    def createActions(self, window: Window) -> None:  # noqa: N802 - Krita's own name
        """Krita's own call, for every window."""
        for name, text, method in ACTIONS:
            action = window.createAction(name, text, MENU)
            action.triggered.connect(guarded(functools.partial(self._act, method)))

    def make_docker(self) -> QtWidgets.QDockWidget:
        """Return a docker for a window. Krita's own call; it may raise nothing, and must have a docker."""
        try:
            contents: QtWidgets.QWidget = self._panel()
        except Exception as error:
            log.exception("the docker cannot be made")
            contents = unable.words(*unable.sentences(error))
        docker: QtWidgets.QDockWidget = unable.make_docker(contents, self._canvas_changed)
        return docker

    @property
    def studio(self) -> Studio:
        """The studio, made when it is first wanted."""
        if self._studio is None:
            self._link = Link(installation(), f"Scumble for Krita {VERSION}", self)
            self._studio = Studio(self._link, self._krita, places.plugin_keep(), places.plugin_log(), self)
            self._link.open()
        return self._studio

    def close(self, *_: object) -> None:
        """End with Krita: jobs go on in the backend, and are asked for at the next start. Allowed any number of times."""
        # the link's thread must end even where the studio does not do so well
        for part in (self._studio, self._link):
            if part is not None:
                guarded(part.close)()

    def _act(self, method: str, *_: object) -> None:
        getattr(self.studio, method)()

    @guarded
    def _canvas_changed(self) -> None:
        if self._studio is not None:
            self._studio.refresh()

    def _panel(self) -> Panel:
        panel = Panel(self.studio, self._icon)
        panel.open_more(bool(self._krita.readSetting(GROUP, OPENED, "")))
        panel.more_toggled.connect(self._more_toggled)
        return panel

    @guarded
    def _more_toggled(self, opened: bool) -> None:
        self._krita.writeSetting(GROUP, OPENED, "true" if opened else "")

    def _icon(self, name: str) -> QtGui.QIcon:
        try:
            return self._krita.icon(name)
        except Exception:
            log.exception("no icon %s", name)
            return QtGui.QIcon()

    @guarded
    def _window_created(self, *_: object) -> None:
        is_first = not self._krita.readSetting(GROUP, SHOWN, "")
        if not is_first and not os.environ.get(SHOW_VARIABLE):
            return
        for window in self._krita.windows():
            docker = window.qwindow().findChild(QtWidgets.QDockWidget, unable.DOCKER)
            if docker is not None:
                if is_first:
                    _make_room(window.qwindow(), docker)
                docker.setVisible(True)
                docker.raise_()
                self._krita.writeSetting(GROUP, SHOWN, "true")


def _make_room(window: QtWidgets.QMainWindow, docker: QtWidgets.QDockWidget) -> None:
    """Put a docker over another one that is big and seldom looked at, as a tab: a new one gets a few lines at the bottom."""
    other = window.findChild(QtWidgets.QDockWidget, NEIGHBOUR)
    if other is not None and other.isVisible() and not other.isFloating():
        window.tabifyDockWidget(other, docker)
        window.resizeDocks([docker], [FIRST_HEIGHT], QtCore.Qt.Orientation.Vertical)


def register() -> None:
    """Make Scumble known to Krita. Raises what `krita` raises outside of one."""
    log_to(places.plugin_log())
    krita = running_krita()
    scumble = Scumble(krita)
    STARTED.append(scumble)
    krita.addExtension(scumble)
    krita.addDockWidgetFactory(Factory(unable.DOCKER, Position.DockRight, scumble.make_docker))
    log.info("Scumble %s in Krita %s", VERSION, krita.version())
