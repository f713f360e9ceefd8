"""Backgrounds: plain colours and ten sceneries, as numbers that the renderer paints, with the words for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from .colours import PLAIN

Colour = tuple[int, int, int]

T = TypeVar("T")


class Scenery(NamedTuple):
    """Sky from top to bottom, a band before it, ground from far to near (8-bit sRGB), and where they meet (shares of the side)."""

    words: tuple[str, ...]
    top: Colour
    bottom: Colour
    far: Colour
    near: Colour
    band: Colour = (0, 0, 0)
    band_height: float = 0.0
    horizon: tuple[float, float] = (0.55, 0.75)
    wave: float = 0.03
    stars: bool = False


SCENERIES: Final = {
    "sky": Scenery(
        ("in the sky", "in a blue sky"), (90, 160, 235), (190, 225, 250), (0, 0, 0), (0, 0, 0), horizon=(1.2, 1.3)
    ),
    "meadow": Scenery(
        ("in a green meadow", "on grass", "in a field"), (120, 185, 240), (205, 232, 250), (125, 200, 95), (80, 160, 65)
    ),
    "beach": Scenery(
        ("on a beach", "on the sand"),
        (110, 190, 240),
        (200, 235, 250),
        (238, 214, 155),
        (225, 195, 135),
        (50, 140, 210),
        0.12,
        wave=0.008,
    ),
    "sea": Scenery(
        ("on the sea", "on blue water"), (130, 195, 240), (210, 235, 250), (60, 135, 205), (30, 90, 170), wave=0.008
    ),
    "snow": Scenery(("in the snow", "in winter"), (170, 205, 235), (225, 238, 248), (240, 245, 250), (250, 252, 254)),
    "night": Scenery(
        ("at night", "under a night sky"), (12, 16, 50), (40, 48, 100), (30, 50, 45), (16, 30, 28), stars=True
    ),
    "desert": Scenery(("in the desert",), (240, 190, 130), (250, 225, 180), (220, 172, 108), (200, 148, 84), wave=0.05),
    "sunset": Scenery(("at sunset",), (120, 70, 140), (250, 150, 90), (70, 50, 70), (45, 32, 50)),
    "forest": Scenery(
        ("in a forest", "in the woods"),
        (150, 200, 225),
        (200, 225, 225),
        (95, 125, 70),
        (70, 95, 50),
        (35, 90, 55),
        0.3,
        wave=0.02,
    ),
    "table": Scenery(
        ("on a table", "on a wooden table"),
        (240, 232, 215),
        (232, 222, 202),
        (175, 120, 72),
        (150, 98, 56),
        horizon=(0.5, 0.7),
        wave=0.0,
    ),
}
"""Ten places by name."""

PLACES: Final = (*PLAIN, *SCENERIES)
"""Every background by name: the words of plain colours, then the sceneries."""

PARAMETERS: Final = 22
"""Numbers that describe one background: five colours of three; horizon, wave, waves, phase, band height, stars, seed."""


def pick(rng: np.random.Generator, things: Sequence[T]) -> T:
    """One of some things; numpy's own choice makes an array of them first, which takes ten times as long."""
    return things[int(rng.random() * len(things))]


def phrase(place: str, rng: np.random.Generator) -> str:
    """Words for a background, one of several ways to say it; a white one may go without saying."""
    if place in SCENERIES:
        return pick(rng, SCENERIES[place].words)
    if place == "white":
        return pick(rng, ("on a white background", "on white", ""))
    return pick(rng, (f"on a {place} background", f"on {place}"))


def numbers(place: str, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A background of that name as PARAMETERS numbers: colours 0 to 1 and slightly varied, lengths as shares of the side."""
    scenery = SCENERIES.get(place)
    if scenery is None:
        colour = np.array(PLAIN[place], np.float32) / 255 + rng.normal(0, 0.004 if place == "white" else 0.025, 3)
        flat = np.zeros(PARAMETERS, np.float32)
        flat[:15] = np.tile(colour, 5)
        flat[15] = 2.0
        return np.minimum(np.maximum(flat, 0), 2)
    colours = np.array([scenery.top, scenery.bottom, scenery.far, scenery.near, scenery.band], np.float32) / 255
    colours = np.minimum(np.maximum(colours + rng.normal(0, 0.025, (5, 3)), 0), 1)
    shape = [
        rng.uniform(*scenery.horizon),
        scenery.wave * rng.uniform(0.4, 1.2),
        rng.uniform(0.6, 1.8),
        rng.uniform(0, 2 * np.pi),
        scenery.band_height * rng.uniform(0.7, 1.3),
        float(scenery.stars),
        rng.uniform(0, 1000),
    ]
    return np.concatenate([colours.ravel(), shape]).astype(np.float32)
