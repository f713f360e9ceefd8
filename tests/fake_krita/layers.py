"""Layers, groups and masks, and what is selected, in the stand-in for Krita."""

from __future__ import annotations

import copy
import uuid

import numpy as np
from planes import Plane, Space

from krita_plugin.qt import QtCore, QtGui


class Layer:
    def __init__(self, name, kind, space, document):
        self.name, self.kind, self.document = name, kind, document
        self.id = QtCore.QUuid("{" + str(uuid.uuid4()) + "}")
        self.parent, self.children = None, []
        self.visible, self.locked, self.position = True, False, (0, 0)
        self.space = space
        self.plane = Plane(space.channels, space.dtype)
        # a group's picture is made when something in it changes while the group is in a document, not when it is added
        self.composed = False
        # of a selection mask: what is selected, and whether it is heeded; a script's is not until the painter says so
        self.selection, self.switched_on = None, False

    @property
    def attached(self):
        return self is self.document.root or (self.parent is not None and self.parent.attached)

    def move_to(self, document):
        self.document = document
        for child in self.children:
            child.move_to(document)

    def copied(self):
        made = Layer(self.name, self.kind, self.space, self.document)
        made.visible, made.locked, made.position = self.visible, self.locked, self.position
        made.plane, made.composed = copy.copy(self.plane), self.composed
        made.selection, made.switched_on = self.selection and self.selection.duplicate(), self.switched_on
        made.children = [child.copied() for child in self.children]
        for child in made.children:
            child.parent = made
        return made


def node_of(layer):
    """The node of a layer, of Krita's class for its kind."""
    return SelectionMask(layer) if layer.kind == "selectionmask" else Node(layer)


def _with_all_within(layer):
    yield layer
    for child in layer.children:
        yield from _with_all_within(child)


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
        reaches = [QtCore.QRect(*(layer.plane.reach() or (0, 0, 0, 0))) for layer in _with_all_within(self._layer)]
        found = QtCore.QRect()
        for reach in reaches:
            found = found.united(reach)
        return found

    def parentNode(self):
        return node_of(self._layer.parent) if self._layer.parent is not None else None

    def childNodes(self):
        document, shown = self._layer.document, [node_of(child) for child in self._layer.children]
        if self._layer is document.root and document.selection is not None:
            shown.append(node_of(document.selection_layer))
        return shown

    def addChildNode(self, child, above):
        layer, added, document = self._layer, child._layer, self._layer.document
        if added.parent is not None or (above is not None and above._layer not in layer.children):
            return False
        index = layer.children.index(above._layer) + 1 if above is not None else len(layer.children)

        def do():
            layer.children.insert(index, added)
            added.parent = layer
            added.move_to(document)
            layer.composed = layer.composed or layer.attached

        def undo():
            layer.children.remove(added)
            added.parent = None
            document.forget(added)

        document.step("Add Layer", do, undo)
        if self._layer.document.krita.activates_at_once:
            document.activate(added)
        else:
            QtCore.QTimer.singleShot(0, lambda: document.activate(added))
        return True

    def clone(self):
        return node_of(self._layer.copied())

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

    def projectionPixelData(self, x, y, width, height):
        layer = self._layer
        if layer.kind != "grouplayer":
            return QtCore.QByteArray(layer.plane.read(x, y, width, height).tobytes())
        document = layer.document
        plane = Plane(layer.space.channels, layer.space.dtype)
        clear = np.zeros((document.height, document.width, layer.space.channels), layer.space.dtype)
        plane.write(0, 0, document._composed(layer, clear))
        return QtCore.QByteArray(plane.read(x, y, width, height).tobytes())

    def thumbnail(self, width, height):
        # Krita's are of the tiles that the layer's pixels lie on, and so have a clear edge
        image = QtGui.QImage(width, height, QtGui.QImage.Format.Format_ARGB32)
        image.fill(QtCore.Qt.GlobalColor.transparent)
        for y in range(height // 8, height):
            for x in range(width // 4, width):
                image.setPixelColor(x, y, QtGui.QColor(self._layer.id.toRfc4122().data()[0], 90, 120))
        return image

    def setPixelData(self, data, x, y, width, height):
        layer = self._layer
        wanted = width * height * layer.space.channels * layer.space.dtype.itemsize
        raw = bytes(data)
        if layer.kind == "paintlayer" and len(raw) >= wanted:
            pixels = np.frombuffer(raw[:wanted], layer.space.dtype).reshape(height, width, layer.space.channels)
            layer.plane.write(x, y, pixels)
            layer.document.modified = True


class SelectionMask(Node):
    """A selection of a layer's own."""

    def selection(self):
        return self._layer.selection

    def setSelection(self, selection):
        self._layer.selection = selection


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
