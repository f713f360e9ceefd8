"""Draw the example pictures and their masks: `python examples/make_examples.py [FOLDER]` writes them there, or beside this file.

Each is painted at four times its size in floats and reduced, so that edges are smooth; the same numbers give the same
pictures. They are calm, with large plain grounds, for that is what the model that ships inside paints onto best.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

OVERSAMPLING = 4
"""Side of the block of painted pixels that make one pixel of the picture."""

Colour = tuple[float, float, float]
Canvas = NDArray[np.float64]


def colour(code: str) -> Colour:
    """Return a colour between 0 and 1 from its six hexadecimal digits."""
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def gradient(width: int, height: int, stops: list[tuple[float, str]]) -> Canvas:
    """Return a picture [height, width, 3] that runs from top to bottom through the stops (place from 0 to 1, colour)."""
    places = np.linspace(0, 1, height)
    at = [place for place, _ in stops]
    columns = [np.interp(places, at, [colour(code)[channel] for _, code in stops]) for channel in range(3)]
    return np.repeat(np.stack(columns, axis=-1)[:, np.newaxis], width, axis=1)


class Shapes:
    """A stencil of the canvas's size on which shapes are drawn, in pixels of the finished picture."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self._image = Image.new("L", (width * OVERSAMPLING, height * OVERSAMPLING))
        self._draw = ImageDraw.Draw(self._image)

    def ellipse(self, x: float, y: float, across: float, down: float) -> Shapes:
        """Add an ellipse by its centre and radii."""
        box = [(x - across), (y - down), (x + across), (y + down)]
        self._draw.ellipse([value * OVERSAMPLING for value in box], fill=255)
        return self

    def rectangle(self, left: float, top: float, right: float, bottom: float, radius: float = 0) -> Shapes:
        """Add a rectangle, with rounded corners if wanted."""
        box = [value * OVERSAMPLING for value in (left, top, right, bottom)]
        self._draw.rounded_rectangle(box, radius * OVERSAMPLING, fill=255)
        return self

    def below(self, heights: NDArray[np.float64]) -> Shapes:
        """Add everything below a line that has one height for each column."""
        width, height = self.size
        line = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in enumerate(heights)]
        end = [
            (width * OVERSAMPLING, line[-1][1]),
            (width * OVERSAMPLING, height * OVERSAMPLING),
            (0, height * OVERSAMPLING),
        ]
        self._draw.polygon([*line, *end], fill=255)
        return self

    def softened(self, radius: float = 0) -> NDArray[np.float64]:
        """Return the stencil [height, width, 1] from 0 to 1, blurred by that radius."""
        soft = self._image.filter(ImageFilter.GaussianBlur(radius * OVERSAMPLING)) if radius else self._image
        return np.asarray(soft.reduce(OVERSAMPLING), np.float64)[..., np.newaxis] / 255


def paint(canvas: Canvas, stencil: NDArray[np.float64], with_: str | Canvas, strength: float = 1) -> Canvas:
    """Return the canvas with a colour, or another picture, where the stencil is."""
    cover = stencil * strength
    return canvas * (1 - cover) + (np.array(colour(with_)) if isinstance(with_, str) else with_) * cover


def meadow(width: int, height: int) -> Canvas:
    """Paint light-blue sky over soft hills."""
    x = np.arange(width) / width
    canvas = gradient(width, height, [(0, "8ec9f2"), (0.75, "cfe8f8"), (1, "e4f2f6")])
    for cx, cy, size in ((96, 74, 1.0), (430, 54, 0.8)):
        cloud = Shapes(width, height)
        for dx, dy, radius in ((-34, 6, 15), (-12, -4, 22), (15, 0, 20), (36, 7, 14)):
            cloud.ellipse(cx + dx * size, cy + dy * size, radius * 1.25 * size, radius * 0.9 * size)
        canvas = paint(canvas, cloud.softened(2.2), "ffffff", 0.82)
    hills = (
        (0.63 - 0.06 * np.sin(2.6 * x * np.pi + 0.5), "b5dcae", "9fd09b"),
        (0.70 + 0.045 * np.sin(2.1 * x * np.pi + 2.2), "9bd18a", "82c277"),
        (0.81 - 0.05 * np.sin(1.7 * x * np.pi + 0.2), "84c56d", "5fae58"),
    )
    for line, top, bottom in hills:
        canvas = paint(
            canvas,
            Shapes(width, height).below(line * height).softened(),
            gradient(width, height, [(0.55, top), (1, bottom)]),
        )
    return canvas


def room(width: int, height: int) -> Canvas:
    """Paint a plain warm wall with an empty sheet in a wooden frame, above a sideboard."""
    canvas = gradient(width, height, [(0, "f2ddc3"), (1, "e9cdae")])
    canvas = paint(canvas, Shapes(width, height).rectangle(143, 54, 385, 322, 5).softened(9), "8a5a3c", 0.35)
    canvas = paint(
        canvas,
        Shapes(width, height).rectangle(132, 40, 380, 310, 4).softened(),
        gradient(width, height, [(0, "b9794a"), (0.7, "99603a")]),
    )
    canvas = paint(canvas, Shapes(width, height).rectangle(142, 50, 370, 300, 2).softened(), "7d4c2d", 0.45)
    canvas = paint(canvas, Shapes(width, height).rectangle(144, 52, 368, 298, 1).softened(), "fdfdfb")
    canvas = paint(canvas, Shapes(width, height).rectangle(0, 414, width, height).softened(14), "6b4128", 0.25)
    canvas = paint(
        canvas,
        Shapes(width, height).rectangle(-9, 424, width + 9, height + 9).softened(),
        gradient(width, height, [(0.82, "b67b4e"), (1, "8d5734")]),
    )
    canvas = paint(canvas, Shapes(width, height).rectangle(-9, 424, width + 9, 432).softened(), "cf9768")
    canvas = paint(canvas, Shapes(width, height).ellipse(444, 428, 40, 7).softened(3), "5a341e", 0.5)
    canvas = paint(
        canvas,
        Shapes(width, height).rectangle(419, 350, 469, 428, 16).softened(),
        gradient(width, height, [(0.65, "6fa8b8"), (0.85, "43808f")]),
    )
    canvas = paint(canvas, Shapes(width, height).ellipse(444, 352, 18, 5).softened(), "2f5f6b")
    for lean, length in ((-34, 74), (-12, 96), (14, 90), (36, 68)):
        stem = Shapes(width, height)
        for step in np.linspace(0, 1, 60):
            stem.ellipse(444 + lean * step**1.6, 352 - length * step, 1.6, 1.6)
        canvas = paint(canvas, stem.softened(), "4f8250")
        leaf = Shapes(width, height).ellipse(444 + lean, 352 - length, 9, 13)
        canvas = paint(canvas, leaf.softened(), "6aa565")
    return canvas


def table(width: int, height: int) -> Canvas:
    """Paint a plate on a plain blue table cloth, seen from above."""
    canvas = gradient(width, height, [(0, "a9cdea"), (1, "93bce0")])
    for x in range(0, width, 64):
        canvas = paint(canvas, Shapes(width, height).rectangle(x + 30, 0, x + 34, height).softened(1), "ffffff", 0.16)
    for y in range(0, height, 64):
        canvas = paint(canvas, Shapes(width, height).rectangle(0, y + 30, width, y + 34).softened(1), "ffffff", 0.16)
    cx, cy = 232, 208
    canvas = paint(canvas, Shapes(width, height).ellipse(cx + 7, cy + 11, 165, 165).softened(9), "35608c", 0.42)
    canvas = paint(
        canvas,
        Shapes(width, height).ellipse(cx, cy, 164, 164).softened(),
        gradient(width, height, [(0.1, "ffffff"), (0.9, "e9edf2")]),
    )
    canvas = paint(canvas, Shapes(width, height).ellipse(cx, cy, 156, 156).softened(0.6), "c9d6e3", 0.55)
    canvas = paint(canvas, Shapes(width, height).ellipse(cx, cy, 153, 153).softened(0.6), "fbfcfd")
    canvas = paint(canvas, Shapes(width, height).ellipse(cx, cy, 124, 124).softened(2.5), "cdd8e3", 0.75)
    canvas = paint(canvas, Shapes(width, height).ellipse(cx + 1, cy + 2, 121, 121).softened(2), "fdfdfd")
    for x, fork in ((452, True), (498, False)):
        canvas = paint(canvas, _cutlery(width, height, x + 4, 66, fork).softened(4), "35608c", 0.4)
        canvas = paint(
            canvas,
            _cutlery(width, height, x, 60, fork).softened(),
            gradient(width, height, [(0.1, "f4f6f8"), (0.9, "b9c4cf")]),
        )
    return canvas


def _cutlery(width: int, height: int, x: float, top: float, fork: bool) -> Shapes:
    shapes = Shapes(width, height).rectangle(x - 5, top + 100, x + 5, top + 290, 5)
    if not fork:
        return shapes.rectangle(x - 10, top, x + 8, top + 150, 9)
    for tine in (-12, -4, 4, 12):
        shapes.rectangle(x + tine - 2.2, top, x + tine + 2.2, top + 70, 2)
    return shapes.rectangle(x - 14.2, top + 56, x + 14.2, top + 104, 13)


def dusk(width: int, height: int) -> Canvas:
    """Paint an evening sky over still water: gradients that only 16 bits hold without steps."""
    x = np.arange(width) / width
    horizon = round(height * 0.74)
    sky = gradient(width, horizon, [(0, "3c4f86"), (0.45, "8a76a8"), (0.8, "eea48c"), (1, "fbd49a")])
    water = gradient(width, height - horizon, [(0, "d9a08f"), (0.35, "86739f"), (1, "37477a")])
    canvas = np.concatenate((sky, water))
    glow = np.exp(
        -(((np.arange(width) - width * 0.78) / 190) ** 2)[np.newaxis]
        - ((np.arange(height) - horizon) / 95)[:, np.newaxis] ** 2
    )
    canvas = paint(canvas, glow[..., np.newaxis], "ffe7b3", 0.55)
    far = horizon - height * (0.035 + 0.02 * np.sin(7 * x + 1) + 0.012 * np.sin(17 * x))
    shore = Shapes(width, height).below(far).softened()
    shore[horizon:] = 0
    return paint(canvas, shore, "5a4a78", 0.85)


def leaf_frame(width: int, height: int) -> tuple[Canvas, NDArray[np.float64]]:
    """Paint a round badge with a wreath on nothing: its colours, and its alpha [height, width, 1]."""
    cx, cy = width / 2, height / 2
    canvas = gradient(width, height, [(0, "fff4d6"), (1, "fbe6b5")])
    disc = Shapes(width, height).ellipse(cx, cy, 158, 158).softened()
    alpha = disc.copy()
    canvas = paint(canvas, disc - Shapes(width, height).ellipse(cx, cy, 150, 150).softened(), "d59a4a")
    for count, (radius, tone) in enumerate(((162, "4f9a5b"), (166, "6fb56a"))):
        for turn in np.linspace(0, 2 * np.pi, 30, endpoint=False) + count * np.pi / 30:
            leaf = Shapes(width, height)
            for step in np.linspace(-1, 1, 25):
                along, thick = 20 * step, 7.5 * (1 - step**2) ** 0.7
                slant = turn + np.pi / 2 - 0.5 * (1 if count else -1)
                leaf.ellipse(
                    cx + radius * np.cos(turn) + along * np.cos(slant),
                    cy + radius * np.sin(turn) + along * np.sin(slant),
                    thick,
                    thick,
                )
            stencil = leaf.softened()
            canvas = paint(canvas, stencil, tone)
            alpha = np.maximum(alpha, stencil)
    return canvas, alpha


def save(path: Path, picture: Canvas, bits: int = 8) -> None:
    """Write floats as a PNG of that depth."""
    most = (1 << bits) - 1
    whole = np.floor(np.clip(picture, 0, 1) * most + 0.5).astype(np.uint8 if bits == 8 else np.uint16)
    space = ("b-w" if bits == 8 else "grey16") if whole.shape[2] < 3 else ("srgb" if bits == 8 else "rgb16")
    pyvips.Image.new_from_array(whole, interpretation=space).pngsave(str(path), compression=9, keep="none")


def main(folder: Path) -> None:
    """Draw all of them into a folder."""
    save(folder / "meadow.png", meadow(576, 432))
    save(folder / "meadow-mask.png", Shapes(576, 432).ellipse(288, 146, 92, 92).softened(7))
    save(folder / "room.png", room(512, 512))
    save(folder / "room-mask.png", Shapes(512, 512).rectangle(160, 79, 352, 271).softened())
    save(folder / "table.png", table(560, 416))
    save(folder / "table-mask.png", Shapes(560, 416).ellipse(232, 208, 92, 92).softened(3))
    save(folder / "dusk.png", dusk(640, 400), bits=16)
    save(folder / "dusk-mask.png", Shapes(640, 400).ellipse(190, 130, 92, 92).softened(8), bits=16)
    badge, alpha = leaf_frame(400, 400)
    save(folder / "badge.png", np.concatenate((badge * (alpha > 0), alpha), axis=2))
    save(folder / "badge-mask.png", Shapes(400, 400).ellipse(200, 200, 98, 98).softened(5))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
