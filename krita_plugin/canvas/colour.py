"""Colour spaces: what can be read as it lies in memory, and how a result comes into any document's own space.

The backend works with sRGB. A document whose channels are sRGB's own, 8 or 16 bit, is read and written bit by bit.
For every other one Krita itself converts: on the way in its projection is an 8-bit sRGB picture; on the way out the result
is converted inside a document of one pixel that is made for that and closed again. Converting the new layer in the
painter's document would do as well, but leaves an undo step of its own there.
"""

from __future__ import annotations

from typing import Final

from ..bundled import protocol
from ..qt import QtCore
from .api import Document, Krita
from .pixels import Pixels

SRGB: Final = "sRGB-elle-V2-srgbtrc.icc"
"""The sRGB profile that every Krita ships."""

SRGB_PROFILES: Final = frozenset({SRGB, "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1"})
"""Profiles with sRGB's primaries and curve, by the names that Krita gives. Its 16-bit default is not among them: linear."""

RESOLUTION: Final = 72.0
"""Pixels per inch of a document that nobody sees."""

DEPTHS: Final[dict[str, protocol.Depth]] = {"U8": "u8", "U16": "u16"}
"""Krita's names of the depths that are read as they are; there, channels lie in the order blue, green, red, alpha."""


def raw_depth(document: Document) -> protocol.Depth | None:
    """Return the depth at which the document's own bytes are sRGB, or None where Krita must convert."""
    if document.colorModel() != "RGBA" or document.colorProfile() not in SRGB_PROFILES:
        return None
    return DEPTHS.get(document.colorDepth())


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
    bench = krita.createDocument(1, 1, "Scumble", "RGBA", depth, SRGB, RESOLUTION)
    try:
        bench.setBatchmode(True)
        layer = bench.createNode("result", "paintlayer")
        width, height = picture.extent.width, picture.extent.height
        layer.setPixelData(picture.data, 0, 0, width, height)
        if not layer.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile()):
            return None
        bench.waitForDone()
        return layer.pixelData(0, 0, width, height)
    finally:
        bench.setModified(False)
        bench.close()
