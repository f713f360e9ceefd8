"""Scenes: what stands where, how large, in which colour, before what, and the words for it. No pixels.

What evaluation asks for is kept out of training: some combinations of noun, colour and place, some pairs, and some placements.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from .nouns import BY_WORD, with_article
from .places import PLACES, phrase, pick
from .places import SCENERIES as SCENERIES

HELD_OUT: Final = 8
"""One in so many combinations, pairs and placements is never trained on."""

CELL: Final = 0.0625
"""Side of a cell of placements, as a share of the picture: 8 pixels of 128."""


@dataclass(frozen=True, slots=True)
class Texture:
    """A drawing ready to be placed: what it shows, who drew it, the word for its colour, whether it was recoloured, its row."""

    noun: str
    origin: str
    colour: str | None
    turned: bool
    row: int


@dataclass(frozen=True, slots=True)
class Item:
    """A texture in a scene: centre and longer side as shares of the picture, mirrored or not, turned by an angle in radians."""

    texture: Texture
    x: float
    y: float
    size: float
    flip: bool
    angle: float


@dataclass(frozen=True, slots=True)
class Scene:
    """A background by name, items from back to front, and the caption."""

    place: str
    items: tuple[Item, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class Variety:
    """How much the scenes of a stage vary. Shares are 0 to 1; size and drift are shares of the picture's side."""

    nouns: tuple[str, ...]
    origins: tuple[str, ...] = ("fluent-emoji-flat",)
    size: tuple[float, float] = (0.76, 0.87)
    drift: float = 0.04
    sceneries: float = 0.0
    white: float = 0.5
    colours: float = 0.0
    pairs: float = 0.0
    flips: float = 0.0
    tilt: float = 0.0
    synonyms: float = 0.1
    pair_size: tuple[float, float] = (0.36, 0.5)
    pair_drift: float = 0.05
    above: float = 0.3
    places: tuple[str, ...] = field(default=PLACES)


def kept_out(*words: str | None) -> bool:
    """Whether this combination is for evaluation only."""
    return zlib.crc32("|".join(word or "-" for word in words).encode()) % HELD_OUT == 0


def placement_kept_out(x: float, y: float) -> bool:
    """Whether a centre at this place is for evaluation only."""
    return kept_out("placement", str(int(x / CELL)), str(int(y / CELL)))


def different(rng: np.random.Generator, nouns: tuple[str, ...]) -> tuple[str, str]:
    """Two different ones of at least two nouns."""
    first = pick(rng, nouns)
    while (second := pick(rng, nouns)) == first:
        pass
    return first, second


class Composer:
    """Makes scenes of a variety from textures."""

    def __init__(self, textures: list[Texture], variety: Variety) -> None:
        self.variety = variety
        self._plain = tuple(place for place in PLACES if place not in SCENERIES and place != "white")
        self._own: dict[str, list[Texture]] = {noun: [] for noun in variety.nouns}
        self._turned: dict[str, list[Texture]] = {noun: [] for noun in variety.nouns}
        for texture in textures:
            if texture.noun in self._own and texture.origin in variety.origins:
                (self._turned if texture.turned else self._own)[texture.noun].append(texture)
        missing = [noun for noun, own in self._own.items() if not own]
        if missing:
            raise ValueError(f"no drawing in {variety.origins} shows: {', '.join(missing)}")

    def scene(self, rng: np.random.Generator) -> Scene:
        """A scene to train on, drawn at random."""
        while True:
            place = self._place(rng)
            if len(self.variety.nouns) > 1 and rng.random() < self.variety.pairs:
                first, second = different(rng, self.variety.nouns)
                if not kept_out(*sorted((first, second))):
                    return self.pair(rng, first, second, place)
                continue
            noun = pick(rng, self.variety.nouns)
            texture, said = self.texture(rng, noun)
            if not kept_out(noun, said, place):
                return self.single(rng, texture, said, place)

    def texture(self, rng: np.random.Generator, noun: str) -> tuple[Texture, str | None]:
        """A drawing of the noun, and the word for its colour if the caption is to say it."""
        turned = self._turned[noun]
        if turned and rng.random() < self.variety.colours:
            # By colour first: some colours have fewer drawings than others, and each word is to be heard as often.
            colour = pick(rng, sorted({str(texture.colour) for texture in turned}))
            texture = pick(rng, [texture for texture in turned if texture.colour == colour])
            return texture, texture.colour
        texture = pick(rng, self._own[noun])
        return texture, texture.colour if rng.random() < 0.25 else None

    def single(self, rng: np.random.Generator, texture: Texture, said: str | None, place: str) -> Scene:
        """One thing before a background, at a placement that may be trained on."""
        item = self._item(rng, texture, self.variety.size, 0.5, 0.5, self.variety.drift, avoid=True)
        words = self._words(rng, texture, said)
        if item.size < 0.6 and abs(item.x - 0.5) > 0.13 and rng.random() < 0.5:
            words += " on the left" if item.x < 0.5 else " on the right"
        return Scene(place, (item,), self._join(rng, words, place))

    def pair(self, rng: np.random.Generator, first: str, second: str, place: str) -> Scene:
        """Two things side by side or one above the other."""
        drawn = [self.texture(rng, noun) for noun in (first, second)]
        one, two = (self._words(rng, texture, said) for texture, said in drawn)
        above = rng.random() < self.variety.above
        drift = self.variety.pair_drift
        items = tuple(
            self._item(rng, texture, self.variety.pair_size, *((0.5, at) if above else (at, 0.5)), drift)
            for (texture, _), at in zip(drawn, (0.26, 0.74), strict=True)
        )
        if not above:
            # Side by side there is room above and below.
            items = tuple(replace(item, y=0.51 + 2.2 * float(rng.uniform(-drift, drift))) for item in items)
            ways = (
                "{0} and {1}",
                "{0} on the left and {1} on the right",
                "{0} to the left of {1}",
                "{1} to the right of {0}",
            )
        else:
            ways = ("{0} above {1}", "{1} below {0}", "{0} above {1}", "{0} over {1}")
        words = pick(rng, ways).format(one, two)
        return Scene(place, items, self._join(rng, words, place))

    def _place(self, rng: np.random.Generator) -> str:
        if rng.random() < self.variety.sceneries:
            return pick(rng, tuple(SCENERIES))
        if rng.random() < self.variety.white:
            return "white"
        return pick(rng, self._plain)

    def _item(
        self,
        rng: np.random.Generator,
        texture: Texture,
        sizes: tuple[float, float],
        x: float,
        y: float,
        drift: float,
        avoid: bool = False,
    ) -> Item:
        size = float(rng.uniform(*sizes))
        reach = drift + (max(0.0, (1 - size) / 2 - 0.02) if drift > 0.06 else 0.0)
        while True:
            cx, cy = x + float(rng.uniform(-reach, reach)), y + float(rng.uniform(-reach, reach))
            # Hardly any cells are left to choose from while things stay in the middle, so nothing is kept out there.
            if not (avoid and reach > 0.1 and placement_kept_out(cx, cy)):
                break
        angle = float(rng.normal(0, self.variety.tilt)) if self.variety.tilt else 0.0
        return Item(texture, cx, cy, size, bool(rng.random() < self.variety.flips), angle)

    def _words(self, rng: np.random.Generator, texture: Texture, said: str | None) -> str:
        others = BY_WORD[texture.noun].others
        noun = pick(rng, others) if others and rng.random() < self.variety.synonyms else texture.noun
        return with_article(f"{said} {noun}" if said else noun)

    @staticmethod
    def _join(rng: np.random.Generator, words: str, place: str) -> str:
        if rng.random() < 0.08:
            words = words.split(" ", 1)[1]
        return f"{words} {phrase(place, rng)}".strip()
