"""A stand-in for Krita's own module `krita`, with real pixels in it, for tests of the plugin without a Krita.

It has what the plugin uses and behaves as Krita was seen to, the quirks included: `setPixelData` returns None and writes
nothing when it gets too little; a document's pixels are stale until its projection is refreshed; a new layer becomes the
active one only after events, or at once as in Krita 5.3 and later; a script's selection shows as a node in the tree; converting a layer and adding one are undo
steps, writing pixels is none; nodes have no hash; a closed document has no node and no size.
A test holds its methods against those of real Kritas. What tests do to it from outside are functions: see the end.
"""

from __future__ import annotations

import copy
import enum
import uuid

import numpy as np
from planes import Plane, Space, over

from krita_plugin.qt import QAction, QtCore, QtGui, QtWidgets


class _Layer:
    def __init__(self, name, kind, space, document):
        self.name, self.kind, self.document = name, kind, document
        self.id = QtCore.QUuid("{" + str(uuid.uuid4()) + "}")
        self.parent, self.children = None, []
        self.visible, self.locked, self.position = True, False, (0, 0)
        self.space = space
        self.plane = Plane(space.channels, space.dtype)


class Node:
    """A layer, group or mask."""

    # two of these may be the same node; Krita's have no hash either
    __hash__ = None

    def __init__(self, layer):
        self._layer = layer

    def __eq__(self, other):
        return isinstance(other, Node) and self._layer is other._layer

    def uniqueId(self):
        return self._layer.id

    def name(self):
        return self._layer.name

    def type(self):
        return self._layer.kind

    def visible(self):
        return self._layer.visible

    def setVisible(self, visible):
        self._layer.visible = visible

    def locked(self):
        return self._layer.locked

    def setLocked(self, locked):
        self._layer.locked = locked

    def position(self):
        return QtCore.QPoint(*self._layer.position)

    def move(self, x, y):
        layer = self._layer
        layer.plane.left += x - layer.position[0]
        layer.plane.top += y - layer.position[1]
        layer.position = (x, y)

    def bounds(self):
        return QtCore.QRect(*(self._layer.plane.reach() or (0, 0, 0, 0)))

    def parentNode(self):
        return Node(self._layer.parent) if self._layer.parent is not None else None

    def childNodes(self):
        document, shown = self._layer.document, [Node(child) for child in self._layer.children]
        if self._layer is document.root and document.selection is not None:
            shown.append(Node(document.selection_layer))
        return shown

    def addChildNode(self, child, above):
        layer, added, document = self._layer, child._layer, self._layer.document
        if added.parent is not None or (above is not None and above._layer not in layer.children):
            return False
        index = layer.children.index(above._layer) + 1 if above is not None else len(layer.children)

        def do():
            layer.children.insert(index, added)
            added.parent = layer

        def undo():
            layer.children.remove(added)
            added.parent = None
            document.forget(added)

        document.step("Add Layer", do, undo)
        if Krita.instance().activates_at_once:
            document.activate(added)
        else:
            QtCore.QTimer.singleShot(0, lambda: document.activate(added))
        return True

    def remove(self):
        layer, document = self._layer, self._layer.document
        if layer.parent is None:
            return False
        parent, index = layer.parent, layer.parent.children.index(layer)

        def do():
            parent.children.remove(layer)
            layer.parent = None
            document.forget(layer)

        def undo():
            parent.children.insert(index, layer)
            layer.parent = parent

        document.step("Remove Layer", do, undo)
        return True

    def colorModel(self):
        return self._layer.space.model

    def colorDepth(self):
        return self._layer.space.depth

    def colorProfile(self):
        return self._layer.space.profile

    def setColorSpace(self, model, depth, profile):
        layer = self._layer
        before, plane = layer.space, layer.plane
        after, converted = Space(model, depth, profile), copy.copy(layer.plane)
        converted.channels, converted.dtype = after.channels, after.dtype
        converted.pixels = before.converted_to(after, plane.pixels)

        def do():
            layer.space, layer.plane = after, converted

        def undo():
            layer.space, layer.plane = before, plane

        layer.document.step("Convert Layer Color Space", do, undo)
        return True

    def pixelData(self, x, y, width, height):
        if self._layer.kind != "paintlayer":
            return QtCore.QByteArray()
        return QtCore.QByteArray(self._layer.plane.read(x, y, width, height).tobytes())

    def setPixelData(self, data, x, y, width, height):
        layer = self._layer
        wanted = width * height * layer.space.channels * layer.space.dtype.itemsize
        raw = bytes(data)
        if layer.kind == "paintlayer" and len(raw) >= wanted:
            pixels = np.frombuffer(raw[:wanted], layer.space.dtype).reshape(height, width, layer.space.channels)
            layer.plane.write(x, y, pixels)
            layer.document.modified = True


class Selection:
    """Which pixels are selected, one byte each."""

    def __init__(self):
        self._plane = Plane(1, "u1")

    def _reach(self):
        return self._plane.reach() or (0, 0, 0, 0)

    def x(self):
        return self._reach()[0]

    def y(self):
        return self._reach()[1]

    def width(self):
        return self._reach()[2]

    def height(self):
        return self._reach()[3]

    def select(self, x, y, width, height, value):
        self._plane.write(x, y, np.full((height, width, 1), value, "u1"))

    def pixelData(self, x, y, width, height):
        return QtCore.QByteArray(self._plane.read(x, y, width, height).tobytes())

    def setPixelData(self, data, x, y, width, height):
        self._plane.write(x, y, np.frombuffer(bytes(data), "u1").reshape(height, width, 1))

    def duplicate(self):
        copy = Selection()
        if self._plane.reach() is not None:
            copy._plane.write(self._plane.left, self._plane.top, self._plane.pixels)
        return copy


class _Document:
    def __init__(self, width, height, name, space):
        self.width, self.height, self.name, self.space = width, height, name, space
        self.root = _Layer("root", "grouplayer", space, self)
        self.selection, self.selection_layer = None, _Layer("Selection Mask", "selectionmask", space, self)
        self.active, self.modified, self.closed, self.busy = None, False, False, False
        self.annotations, self.done, self.undone = {}, [], []
        self.projected = None
        self.file_name = ""

    def step(self, name, do, undo):
        do()
        self.done.append((name, do, undo))
        self.undone.clear()
        self.modified = True
        self.project()

    def activate(self, layer):
        if not self.closed:
            self.active = layer

    def forget(self, layer):
        if self.active is layer:
            self.active = self.root.children[-1] if self.root.children else None

    def project(self):
        pixels = np.zeros((self.height, self.width, self.space.channels), self.space.dtype)
        self.projected = self._composed(self.root, pixels)

    def _composed(self, group, pixels):
        for layer in group.children:
            if not layer.visible:
                continue
            if layer.kind == "grouplayer":
                inner = self._composed(layer, np.zeros_like(pixels))
            else:
                raw = layer.plane.read(0, 0, self.width, self.height)
                inner = layer.space.converted_to(self.space, raw)
            pixels = over(self.space, pixels, inner)
        return pixels


class Document:
    """An open document."""

    __hash__ = None

    def __init__(self, inner):
        self._inner = inner

    def __eq__(self, other):
        return isinstance(other, Document) and self._inner is other._inner

    def width(self):
        return 0 if self._inner.closed else self._inner.width

    def height(self):
        return 0 if self._inner.closed else self._inner.height

    def name(self):
        return "" if self._inner.closed else self._inner.name

    def fileName(self):
        return "" if self._inner.closed else self._inner.file_name

    def colorModel(self):
        return self._inner.space.model

    def colorDepth(self):
        return self._inner.space.depth

    def colorProfile(self):
        return self._inner.space.profile

    def modified(self):
        return self._inner.modified

    def setModified(self, modified):
        self._inner.modified = modified

    def setBatchmode(self, on):
        pass

    def selection(self):
        return None if self._inner.closed else self._inner.selection

    def setSelection(self, selection):
        self._inner.selection = selection

    def rootNode(self):
        return None if self._inner.closed else Node(self._inner.root)

    def activeNode(self):
        return None if self._inner.closed or self._inner.active is None else Node(self._inner.active)

    def setActiveNode(self, node):
        self._inner.active = node._layer

    def createNode(self, name, kind):
        return Node(_Layer(name, kind, self._inner.space, self._inner))

    def pixelData(self, x, y, width, height):
        plane = Plane(self._inner.space.channels, self._inner.space.dtype)
        plane.write(0, 0, self._inner.projected)
        return QtCore.QByteArray(plane.read(x, y, width, height).tobytes())

    def projection(self, x, y, width, height):
        space = Space("RGBA", "U8", "")
        plane = Plane(space.channels, space.dtype)
        plane.write(0, 0, self._inner.space.converted_to(space, self._inner.projected))
        raw = plane.read(x, y, width, height).tobytes()
        return QtGui.QImage(raw, width, height, width * 4, QtGui.QImage.Format.Format_ARGB32).copy()

    def refreshProjection(self):
        self._inner.project()

    def waitForDone(self):
        pass

    def tryBarrierLock(self):
        return not (self._inner.closed or self._inner.busy)

    def unlock(self):
        pass

    def annotation(self, kind):
        return QtCore.QByteArray(self._inner.annotations.get(kind, b""))

    def setAnnotation(self, kind, description, data):
        self._inner.annotations[kind] = bytes(data)
        self._inner.modified = True

    def crop(self, x, y, width, height):
        self.resizeImage(x, y, width, height)

    def resizeImage(self, x, y, width, height):
        inner = self._inner
        inner.width, inner.height = width, height
        nodes = [Node(inner.root)]
        while nodes:
            node = nodes.pop()
            nodes.extend(Node(child) for child in node._layer.children)
            if node.type() == "paintlayer":
                node.move(node.position().x() - x, node.position().y() - y)
        inner.project()

    def close(self):
        self._inner.closed = True
        running = Krita.instance()
        running._documents = [inner for inner in running._documents if inner is not self._inner]
        if running._active is self._inner:
            running._active = running._documents[-1] if running._documents else None
        return True


class Window:
    """A main window: its actions by name, and the dockers that the factories make for it."""

    def __init__(self):
        self._main = QtWidgets.QMainWindow()
        self._actions = {}

    def qwindow(self):
        return self._main

    def createAction(self, id, text="", menu=""):
        self._actions[id] = QAction(text, self._main)
        return self._actions[id]


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
        self.activates_at_once = False

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
        inner = _Document(width, height, name, Space(model, depth, profile))
        background = _Layer("Background", "paintlayer", inner.space, inner)
        white = np.full((height, width, inner.space.channels), 1.0)
        background.plane.write(0, 0, inner.space.to_raw(white))
        inner.root.children.append(background)
        background.parent = inner.root
        inner.project()
        self._documents.append(inner)
        return Document(inner)


def show(document):
    """As when the painter opens the document in a view: it and its uppermost layer are the active ones."""
    Krita.instance().setActiveDocument(document)
    document._inner.active = document._inner.root.children[-1]


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


def quit_krita():
    """Forget every document, as after a restart."""
    Krita._only = None
