"""Documents in the stand-in for Krita: a tree of layers, what is seen of it, and its steps of undo."""

from __future__ import annotations

import numpy as np
from layers import Layer, node_of
from planes import Plane, Space, over

from krita_plugin.qt import QtCore, QtGui


class Picture:
    def __init__(self, krita, width, height, name, space):
        self.krita = krita
        self.width, self.height, self.name, self.space = width, height, name, space
        self.root = Layer("root", "grouplayer", space, self)
        self.selection, self.selection_layer = None, Layer("Selection Mask", "selectionmask", space, self)
        self.active, self.modified, self.closed, self.busy = None, False, False, False
        self.views, self.before_the_second, self.chosen = 0, None, []
        self.annotations, self.done, self.undone = {}, [], []
        self.projected = None
        self.file_name = ""

    def begin(self):
        """Be white, as a new document is."""
        background = Layer("Background", "paintlayer", self.space, self)
        white = np.full((self.height, self.width, self.space.channels), 1.0)
        background.plane.write(0, 0, self.space.to_raw(white))
        self.root.children.append(background)
        background.parent = self.root
        self.project()

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
                if not layer.composed:
                    continue
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
        if self._inner.closed:
            return None
        # a mask in the root is the document's selection, as long as it is heeded
        masks = (child for child in self._inner.root.children if child.kind == "selectionmask")
        own = next((mask.selection for mask in masks if mask.visible and mask.switched_on), None)
        return own or self._inner.selection

    def setSelection(self, selection):
        self._inner.selection = selection

    def rootNode(self):
        return None if self._inner.closed else node_of(self._inner.root)

    def activeNode(self):
        several = self._inner.views > 1
        active = self._inner.before_the_second if several else self._inner.active
        return None if self._inner.closed or active is None else node_of(active)

    def setActiveNode(self, node):
        self._inner.active = node._layer

    def createNode(self, name, kind):
        return node_of(Layer(name, kind, self._inner.space, self._inner))

    def createSelectionMask(self, name):
        return self.createNode(name, "selectionmask")

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
        groups = [self._inner.root]
        while groups:
            group = groups.pop()
            group.composed = True
            groups += [child for child in group.children if child.kind == "grouplayer"]
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
        nodes = [node_of(inner.root)]
        while nodes:
            node = nodes.pop()
            nodes.extend(node_of(child) for child in node._layer.children)
            if node.type() == "paintlayer":
                node.move(node.position().x() - x, node.position().y() - y)
        inner.project()

    def close(self):
        self._inner.closed = True
        running = self._inner.krita
        running._documents = [inner for inner in running._documents if inner is not self._inner]
        if running._active is self._inner:
            running._active = running._documents[-1] if running._documents else None
        return True
