"""Fill every example with the `scumble` command, and lay before and after beside each other.

::

    python examples/make_sheet.py docs/images/fills.png
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from backend.pixels import files, raw

HERE = Path(__file__).parent
HEIGHT = 300
GAP = 12
PAPER = (245, 245, 245)
OUTLINE = (255, 0, 200)


class Fill(NamedTuple):
    """One example and what is painted into it."""

    name: str
    prompt: str
    seed: int


FILLS = (
    Fill("table", "a red apple", 1),
    Fill("room", "a house", 1),
    Fill("meadow", "a yellow sun on a light blue background", 1),
    Fill("dusk", "a moon on a purple background", 1),
    Fill("badge", "a pine tree", 1),
)


def shown(path: Path) -> Image.Image:
    """Return a picture file as 8-bit RGB on white, at the sheet's height."""
    pixels = raw.to_floats(files.open_picture(path).srgb())
    alpha = pixels[..., 3:] if pixels.shape[2] == 4 else np.ones_like(pixels[..., :1])
    flat = pixels[..., :3] * alpha + (1 - alpha)
    image = Image.fromarray((flat * 255 + 0.5).astype(np.uint8))
    return image.resize((round(image.width * HEIGHT / image.height), HEIGHT), Image.Resampling.LANCZOS)


def outlined(name: str) -> Image.Image:
    """Return an example with its selection's edge drawn on it."""
    image = shown(HERE / f"{name}.png")
    mask = shown(HERE / f"{name}-mask.png").convert("L").point(lambda value: 255 * (value > 127))
    edge = ImageChops.difference(mask.filter(ImageFilter.MaxFilter(3)), mask)
    image.paste(OUTLINE, mask=edge)
    return image


def filled(fill: Fill, folder: Path) -> Image.Image:
    """Return an example, filled by the command."""
    output = folder / f"{fill.name}.png"
    picture, mask = HERE / f"{fill.name}.png", HERE / f"{fill.name}-mask.png"
    words = ["fill", picture, "--mask", mask, "--prompt", fill.prompt, "--seed", str(fill.seed), "-o", output]
    subprocess.run([sys.executable, "-P", "-m", "backend.cli", *map(str, words)], check=True)
    return shown(output)


def main() -> None:
    """Paint, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    with tempfile.TemporaryDirectory() as folder:
        columns = [(outlined(fill.name), filled(fill, Path(folder))) for fill in FILLS]
    width = sum(before.width for before, _ in columns) + GAP * (len(columns) + 1)
    sheet = Image.new("RGB", (width, 2 * HEIGHT + 3 * GAP), PAPER)
    left = GAP
    for before, after in columns:
        sheet.paste(before, (left, GAP))
        sheet.paste(after, (left, HEIGHT + 2 * GAP))
        left += before.width + GAP
    output.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(output, optimize=True)


if __name__ == "__main__":
    main()
