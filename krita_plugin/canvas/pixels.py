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

    `owner` keeps the bytes: a QByteArray, or a QImage of Format_ARGB32, which lies in memory as BGRA. Take the bytes with
    `view()`; they are valid as long as this object is. Raises ValueError where the owner's size is not the layout's.
    """

    owner: QtCore.QByteArray | QtGui.QImage
    extent: protocol.Extent
    order: protocol.Order
    depth: protocol.Depth

    def __post_init__(self) -> None:
        if (self.order, self.depth) not in BYTES_PER_PIXEL:
            raise ValueError(f"{self.order} {self.depth} is no layout of the plugin's")
        found = self.owner.size() if isinstance(self.owner, QtCore.QByteArray) else self.owner.sizeInBytes()
        if found != self.size:
            raise ValueError(f"{self.extent} {self.order} {self.depth} is {self.size} bytes, not {found}")

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.extent.area * BYTES_PER_PIXEL[self.order, self.depth]

    def view(self) -> memoryview:
        """The bytes themselves, not a copy."""
        if isinstance(self.owner, QtCore.QByteArray):
            return memoryview(self.owner).cast("B")  # type: ignore[arg-type, unused-ignore]
        bits = self.owner.constBits()
        assert bits is not None
        bits.setsize(self.size)
        return memoryview(bits).cast("B")  # type: ignore[arg-type, unused-ignore]

    def raster(self) -> protocol.Raster:
        """Return how the contract names this picture. Reads every byte once, so not on Krita's main thread."""
        name = hashlib.sha256(self.view()).hexdigest()
        return protocol.Raster(name, self.size, self.extent.width, self.extent.height, self.order, self.depth)
