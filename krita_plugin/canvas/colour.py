"""Colour spaces: what can be read as it lies in memory, and what a result layer is made in.

The backend works with sRGB. A document whose channels are sRGB's own, 8 or 16 bit, is read and written bit by bit;
from every other one Krita itself converts: on the way in its projection is an 8-bit sRGB picture, and on the way out the
result is an sRGB layer, which Krita composes into any document while the other layers keep their bits.
"""

from __future__ import annotations

from typing import Final

from ..bundled import protocol
from .api import Document, Node

SRGB: Final = "sRGB-elle-V2-srgbtrc.icc"
"""The sRGB profile that every Krita ships."""

SRGB_PROFILES: Final = frozenset({SRGB, "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in", "sRGB IEC61966-2.1"})
"""Profiles with sRGB's primaries and curve, by the names that Krita gives. Its 16-bit default is not among them: linear."""

DEPTHS: Final[dict[str, protocol.Depth]] = {"U8": "u8", "U16": "u16"}
"""Krita's names of the depths that are read as they are; there, channels lie in the order blue, green, red, alpha."""

_KRITA_DEPTHS: Final = {depth: name for name, depth in DEPTHS.items()}


def raw_depth(document: Document) -> protocol.Depth | None:
    """Return the depth at which the document's own bytes are sRGB, or None where Krita must convert."""
    if document.colorModel() != "RGBA" or document.colorProfile() not in SRGB_PROFILES:
        return None
    return DEPTHS.get(document.colorDepth())


def result_depth(document: Document) -> protocol.Depth:
    """Return the depth to ask of the backend: 16 bit wherever the document has more than 8, so that nothing shows bands."""
    return "u8" if document.colorDepth() == "U8" else "u16"


def set_srgb(layer: Node, document: Document, depth: protocol.Depth) -> bool:
    """Give a new, empty layer the sRGB space of that depth ("u8" or "u16"); return whether Krita did."""
    if raw_depth(document) == depth:
        return True
    return layer.setColorSpace("RGBA", _KRITA_DEPTHS[depth], SRGB)
