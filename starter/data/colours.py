"""Colours by word: which word a colour has, which word a drawing has, and a drawing in another colour."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]

HUES: Final = {
    "red": 0.0,
    "orange": 28.0,
    "yellow": 52.0,
    "green": 120.0,
    "blue": 215.0,
    "purple": 275.0,
    "pink": 330.0,
}
"""The hue in degrees that a drawing gets for each word."""

PLAIN: Final[dict[str, tuple[int, int, int]]] = {
    "white": (252, 252, 252),
    "red": (214, 58, 58),
    "orange": (242, 150, 60),
    "yellow": (250, 220, 90),
    "green": (90, 180, 95),
    "blue": (80, 140, 225),
    "purple": (140, 90, 200),
    "pink": (245, 165, 195),
    "black": (20, 20, 24),
    "gray": (150, 152, 156),
    "brown": (130, 90, 60),
    "light blue": (175, 215, 245),
    "light green": (190, 230, 180),
}
"""Plain backgrounds by word, 8-bit sRGB."""

NAMES: Final = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "gray", "black")
"""Every word that name() answers with, by index."""

_BOUNDS: Final = (14.0, 42.0, 68.0, 168.0, 250.0, 292.0, 345.0, 361.0)
"""Upper ends in degrees of red, orange, yellow, green, blue, purple, pink, and red again."""

CLEAR_SHARE: Final = 0.55
"""A drawing has a colour if at least this share of it does: below that, people name two."""

SATURATED: Final = 0.25
"""From this saturation on a change of hue is seen."""


def hsv(rgb: npt.NDArray[np.uint8]) -> Floats:
    """8-bit sRGB, (..., 3), as hue, saturation and value, each 0 to 1."""
    flat = np.ascontiguousarray(rgb.reshape(1, -1, 3))
    bytes_ = np.asarray(Image.fromarray(flat, "RGB").convert("HSV"), dtype=np.float32)
    scaled: Floats = bytes_.reshape(rgb.shape) / np.float32(255)
    return scaled


def name(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """The index in NAMES for each 8-bit sRGB colour of an array (..., 3)."""
    hue, saturation, value = np.moveaxis(hsv(rgb), -1, 0)
    degrees = hue * 360
    named = np.digitize(degrees, _BOUNDS[:-1]) % 7
    named = np.where((degrees > 12) & (degrees < 45) & (value < 0.65), NAMES.index("brown"), named)
    gray = np.where(value > 0.85, NAMES.index("white"), NAMES.index("gray"))
    named = np.where(saturation < 0.18, gray, named)
    return np.asarray(np.where(value < 0.25, NAMES.index("black"), named), dtype=np.int64)


def shares(rgb: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> Floats:
    """How much of the marked pixels each of NAMES has; all zero where nothing is marked."""
    counts = np.bincount(name(rgb[where]), minlength=len(NAMES)) if where.any() else np.zeros(len(NAMES))
    share: Floats = (counts / max(1, counts.sum())).astype(np.float32)
    return share


def dominant(drawing: npt.NDArray[np.uint8]) -> str | None:
    """The word for a drawing's colour, RGBA (height, width, 4); None if no one colour is clear."""
    share = shares(drawing[..., :3], drawing[..., 3] > 128)
    return NAMES[int(share.argmax())] if share.max() >= CLEAR_SHARE else None


def recolour(drawing: npt.NDArray[np.uint8], word: str) -> npt.NDArray[np.uint8] | None:
    """The drawing turned in hue until `word` names it; None if it has too little colour to turn, or another word still fits better."""
    pixels = hsv(drawing[..., :3])
    coloured = (pixels[..., 1] > SATURATED) & (pixels[..., 2] > 0.25) & (drawing[..., 3] > 128)
    if coloured.sum() < 0.5 * (drawing[..., 3] > 128).sum():
        return None
    histogram, edges = np.histogram(pixels[..., 0][coloured], bins=36, range=(0, 1))
    from_hue = float(edges[int(histogram.argmax())]) + 0.5 / 36
    turned = pixels.copy()
    turned[..., 0] = (pixels[..., 0] + HUES[word] / 360 - from_hue) % 1
    as_bytes = np.ascontiguousarray((turned * 255).round().astype(np.uint8))
    rgb = np.asarray(Image.fromarray(as_bytes, "HSV").convert("RGB"))
    result = np.concatenate([rgb, drawing[..., 3:]], -1)
    return result if dominant(result) == word else None
