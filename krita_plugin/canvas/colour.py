"""Colour spaces: what can be read as it lies in memory, and how a result comes into any document's own space.

The backend works with sRGB. A document whose channels are sRGB's own, 8 or 16 bit, is read and written bit by bit.
For every other one Krita itself converts: on the way in its projection is an 8-bit sRGB picture; on the way out the result
is converted inside a document of one pixel that is made for that and closed again. Converting the new layer in the
painter's document would do as well, but leaves an undo step of its own there. A single layer, which has no projection of
that kind, is converted in the same way when it is read.
"""

from __future__ import annotations

from typing import Final

from ..bundled import protocol
from ..qt import QtCore
from .api import Document, Krita, Node
from .pixels import Pixels

SRGB: Final = "sRGB-elle-V2-srgbtrc.icc"
"""The sRGB profile that every Krita ships."""

SRGB_PROFILES: Final = frozenset({SRGB, "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1"})
"""Profiles with sRGB's primaries and curve, by the names that Krita gives. Its 16-bit default is not among them: linear."""

RESOLUTION: Final = 72.0
"""Pixels per inch of a document that nobody sees."""

DEPTHS: Final[dict[str, protocol.Depth]] = {"U8": "u8", "U16": "u16"}
"""Krita's names of the depths that are read as they are; there, channels lie in the order blue, green, red, alpha."""


def raw_depth(picture: Document | Node) -> protocol.Depth | None:
    """Return the depth at which a document's or layer's own bytes are sRGB, or None where Krita must convert."""
    if picture.colorModel() != "RGBA" or picture.colorProfile() not in SRGB_PROFILES:
        return None
    return DEPTHS.get(picture.colorDepth())


def result_depth(document: Document) -> protocol.Depth:
    """Return the depth to ask of the backend: 16 bit wherever the document has more than 8, so that nothing shows bands."""
    return "u8" if document.colorDepth() == "U8" else "u16"


def in_space_of(document: Document, picture: Pixels, krita: Krita) -> QtCore.QByteArray | None:
    """Return the bytes of an sRGB picture, BGRA "u8" or "u16", in the document's own colour space and layout.

    None where Krita cannot convert them.
    """
    if raw_depth(document) == picture.depth:
        return picture.data
    depth = next(name for name, value in DEPTHS.items() if value == picture.depth)
    return _converted(picture.data, picture.extent, ("RGBA", depth, SRGB), _space_of(document), krita)


def to_srgb(layer: Node, data: QtCore.QByteArray, extent: protocol.Extent, krita: Krita) -> QtCore.QByteArray | None:
    """Return bytes of a layer, in its own colour space and layout, as BGRA "u8", sRGB; None where Krita cannot convert them."""
    return _converted(data, extent, _space_of(layer), ("RGBA", "U8", SRGB), krita)


_Space = tuple[str, str, str]
"""Krita's names of a colour model, a depth and a profile."""


def _space_of(picture: Document | Node) -> _Space:
    return picture.colorModel(), picture.colorDepth(), picture.colorProfile()


def _converted(
    data: QtCore.QByteArray, extent: protocol.Extent, before: _Space, after: _Space, krita: Krita
) -> QtCore.QByteArray | None:
    bench = krita.createDocument(1, 1, "Scumble", *before, RESOLUTION)
    try:
        bench.setBatchmode(True)
        layer = bench.createNode("result", "paintlayer")
        layer.setPixelData(data, 0, 0, extent.width, extent.height)
        if not layer.setColorSpace(*after):
            return None
        bench.waitForDone()
        return layer.pixelData(0, 0, extent.width, extent.height)
    finally:
        bench.setModified(False)
        bench.close()
