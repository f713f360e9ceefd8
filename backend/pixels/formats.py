"""The file formats that are read and written: told by content when reading, by suffix when writing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from .errors import PictureError

Format = Literal["png", "jpeg", "webp", "tiff"]

SIGNATURE_BYTES: Final = 12
"""As much of a file's beginning as it takes to tell the formats apart."""

TITLES: Final[Mapping[Format, str]] = MappingProxyType({"png": "PNG", "jpeg": "JPEG", "webp": "WebP", "tiff": "TIFF"})
"""How a painter calls them."""

DEEP: Final[frozenset[Format]] = frozenset({"png", "tiff"})
"""Formats that hold 16 bits a channel."""

WEBP_SIDE: Final = 16383
"""Longest side of a WebP picture: the container has 14 bits for it."""

_SUFFIXES: Final[Mapping[str, Format]] = MappingProxyType(
    {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}
)
_TIFF_STARTS: Final = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def format_of_content(start: bytes) -> Format | None:
    """Return the format of a file that begins with these bytes, or None."""
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start.startswith(_TIFF_STARTS):
        return "tiff"
    return None


def format_of_suffix(path: Path) -> Format:
    """Return the format in which a file of that name is written. Raises PictureError for an unknown suffix."""
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise PictureError(
            f"{path.name} does not say in which format to write it.",
            "Give the output a name that ends in .png, .tif, .webp or .jpg.",
        )
    return found
