"""Pixels as Krita and Qt hold them, handed on without a copy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..bundled import protocol
from ..qt import QtCore, QtGui

BYTES_PER_PIXEL = {("gray", "u8"): 1, ("bgra", "u8"): 4, ("bgra", "u16"): 8}
"""Bytes of a pixel, for each layout that the plugin reads and writes: the only ones."""


@dataclass(frozen=True)
class Pixels:
    """A picture in memory: rows from top to bottom, no padding; alpha is straight, 16-bit channels are little-endian.

    Raises ValueError where the number of bytes is not the layout's.
    """

    data: QtCore.QByteArray
    extent: protocol.Extent
    order: protocol.Order
    depth: protocol.Depth

    def __post_init__(self) -> None:
        if (self.order, self.depth) not in BYTES_PER_PIXEL:
            raise ValueError(f"{self.order} {self.depth} is no layout of the plugin's")
        if self.data.size() != self.size:
            raise ValueError(f"{self.extent} {self.order} {self.depth} is {self.size} bytes, not {self.data.size()}")

    @staticmethod
    def of_image(image: QtGui.QImage) -> Pixels:
        """Return a picture of Qt's as BGRA u8, its bytes copied once: a view of them would not keep the image alive."""
        straight = QtGui.QImage.Format.Format_ARGB32
        if image.format() != straight:
            image = image.convertToFormat(straight)
        bits = image.constBits()
        if bits is None:
            raise ValueError("the picture is empty")
        bits.setsize(image.sizeInBytes())
        data = QtCore.QByteArray(image.sizeInBytes(), b"\0")
        memoryview(data)[:] = memoryview(bits)  # type: ignore[arg-type, unused-ignore]
        return Pixels(data, protocol.Extent(image.width(), image.height()), "bgra", "u8")

    def image(self) -> QtGui.QImage:
        """Return a BGRA picture as Qt's, 8 bits a channel; of 16-bit ones the upper half. Raises ValueError for another order."""
        if self.order != "bgra":
            raise ValueError(f"{self.order} is no picture")
        own = self.data.data()
        data = own if self.depth == "u8" else own[1::2]
        width, height = self.extent.width, self.extent.height
        # a copy: Qt's would be a view of bytes that go
        return QtGui.QImage(data, width, height, width * 4, QtGui.QImage.Format.Format_ARGB32).copy()

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.extent.area * BYTES_PER_PIXEL[self.order, self.depth]

    def view(self) -> memoryview:
        """The bytes themselves, not a copy."""
        return memoryview(self.data)  # type: ignore[arg-type, unused-ignore]

    def raster(self) -> protocol.Raster:
        """Return how the contract names this picture. Reads every byte once, so not on Krita's main thread."""
        name = hashlib.sha256(self.view()).hexdigest()
        return protocol.Raster(name, self.size, self.extent.width, self.extent.height, self.order, self.depth)
