"""A stand-in for Krita's own module `krita`, with real pixels in it, for tests of the plugin without a Krita.

It has what the plugin uses and behaves as Krita was seen to, the quirks included: `setPixelData` returns None and writes
nothing when it gets too little; a document's pixels are stale until its projection is refreshed; a new layer becomes the
active one only after events, or at once as in Krita 5.3 and later; a script's selection shows as a node in the tree; converting a layer and adding one are undo
steps, writing pixels is none; nodes have no hash; a closed document has no node and no size; with several views of a document
its active node is what was active before the second was opened, and every view of a window tells the nodes chosen in the one in front.
A test holds its methods against those of real Kritas. What tests do to it from outside are functions: see the end.
"""

from __future__ import annotations

import enum

from layers import Node as Node
from layers import Selection as Selection
from layers import SelectionMask as SelectionMask
from layers import node_of
from pictures import Document as Document
from pictures import Picture
from planes import Space

from krita_plugin.qt import QAction, QtCore, QtGui, QtWidgets


class Window:
    """A main window: its actions by name, and the dockers that the factories make for it."""

    def __init__(self):
        self._main = None
        self._actions = {}

    def qwindow(self):
        # not at once: one without widgets can be had without a QApplication
        self._main = self._main or QtWidgets.QMainWindow()
        return self._main

    def activeView(self):
        active = Krita.instance()._active
        return View(active) if active is not None and active.views else None

    def createAction(self, id, text="", menu=""):
        self._actions[id] = QAction(text, self.qwindow())
        return self._actions[id]


class View:
    """A view of a document."""

    def __init__(self, inner):
        self._inner = inner

    def document(self):
        return Document(self._inner)

    def selectedNodes(self):
        front = Krita.instance()._active
        if front.active is None:
            return []
        several = front.chosen and front.chosen[-1] is front.active
        return [node_of(layer) for layer in (front.chosen if several else [front.active])]


class Notifier(QtCore.QObject):
    """Tells nothing before it is active."""

    windowCreated = QtCore.pyqtSignal()  # noqa: N815
    applicationClosing = QtCore.pyqtSignal()  # noqa: N815

    def setActive(self, on):
        self._active = on


class Extension(QtCore.QObject):
    """What a plugin derives from."""

    def setup(self):
        raise NotImplementedError

    def createActions(self, window):
        raise NotImplementedError


class DockWidget(QtWidgets.QDockWidget):
    """A plugin's docker."""

    def canvasChanged(self, canvas):
        raise NotImplementedError


class DockWidgetFactoryBase:
    """Knows where a docker goes at first."""

    class DockPosition(enum.Enum):
        DockRight = 1

    def createDockWidget(self):
        return self._klass()


class DockWidgetFactory(DockWidgetFactoryBase):
    """Makes a docker for each window."""

    def __init__(self, _id, _position, _klass):
        assert isinstance(_position, DockWidgetFactoryBase.DockPosition)
        self._id, self._klass = _id, _klass


class Krita(QtCore.QObject):
    """The running Krita."""

    _only = None

    def __init__(self):
        super().__init__()
        self._documents, self._active = [], None
        self._extensions, self._factories, self._windows = [], [], []
        self._settings, self._notifier = {}, Notifier()
        self.activates_at_once, self.has_focus = False, True

    @staticmethod
    def instance():
        if Krita._only is None:
            Krita._only = Krita()
        return Krita._only

    def version(self):
        return "5.1.5"

    def icon(self, name):
        return QtGui.QIcon()

    def notifier(self):
        return self._notifier

    def windows(self):
        return list(self._windows)

    def activeWindow(self):
        return self._windows[-1] if self._windows and self.has_focus else None

    def views(self):
        return [View(inner) for inner in self._documents for _ in range(inner.views)]

    def readSetting(self, group, name, default):
        return self._settings.get((group, name), default)

    def writeSetting(self, group, name, value):
        self._settings[group, name] = value

    def addExtension(self, extension):
        self._extensions.append(extension)

    def addDockWidgetFactory(self, factory):
        self._factories.append(factory)

    def documents(self):
        return [Document(inner) for inner in self._documents]

    def activeDocument(self):
        return Document(self._active) if self._active is not None else None

    def setActiveDocument(self, document):
        self._active = document._inner

    def createDocument(self, width, height, name, model, depth, profile, resolution):
        inner = Picture(self, width, height, name, Space(model, depth, profile))
        inner.begin()
        self._documents.append(inner)
        return Document(inner)


def show(document):
    """As when the painter opens the document in a view: it and its uppermost layer are the active ones."""
    Krita.instance().setActiveDocument(document)
    document._inner.active = document._inner.root.children[-1]
    document._inner.views = max(document._inner.views, 1)


def show_again(document):
    """As when the painter opens one more view of the document, in which he then is."""
    Krita.instance().setActiveDocument(document)
    document._inner.before_the_second = document._inner.before_the_second or document._inner.active
    document._inner.views += 1


def choose(document, *nodes):
    """As when the painter clicks one node in the list of layers, then more of them with Ctrl."""
    document._inner.chosen = [node._layer for node in nodes]
    document._inner.active = nodes[-1]._layer


def open_window():
    """As when Krita opens a window, after its start and later; return it."""
    running, window = Krita.instance(), Window()
    for factory in running._factories:
        docker = factory.createDockWidget()
        window.qwindow().addDockWidget(QtCore.Qt.DockWidgetArea.RightDockWidgetArea, docker)
        # a new plugin's docker is hidden, as of Krita 5.2
        docker.setVisible(False)
    if not running._windows:
        for extension in running._extensions:
            extension.setup()
    for extension in running._extensions:
        extension.createActions(window)
    running._windows.append(window)
    if getattr(running._notifier, "_active", False):
        running._notifier.windowCreated.emit()
    return window


def undo(document):
    """As when the painter undoes; return the name of what was taken back."""
    name, do, back = document._inner.done.pop()
    back()
    document._inner.undone.append((name, do, back))
    document._inner.project()
    return name


def redo(document):
    """As when the painter redoes; return the name of what was done again."""
    name, do, back = document._inner.undone.pop()
    do()
    document._inner.done.append((name, do, back))
    document._inner.project()
    return name


def undo_steps(document):
    """Names of the steps that can be undone, the last one last."""
    return [name for name, _do, _undo in document._inner.done]


def set_stroke(document, running):
    """As when the painter begins a stroke, or ends it."""
    document._inner.busy = running


def switch(mask, on):
    """As when the painter has a layer's own selection be heeded, or deselects it: it is still shown then."""
    mask._layer.switched_on = on


def quit_krita():
    """Forget every document, as after a restart."""
    Krita._only = None
