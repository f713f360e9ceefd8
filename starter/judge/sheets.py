"""Contact sheets: pictures in rows, each with its prompt below it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

CAPTION: Final = 28
"""Pixels below each picture for its prompt, in two lines."""

CHARACTERS: Final = 21
"""Letters that fit in one line below a picture of 128 pixels."""


def to_image(picture: Tensor) -> Image.Image:
    """A picture (3, height, width), 0 to 1, as 8-bit sRGB."""
    return Image.fromarray((picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy())


def to_tensor(images: Sequence[Image.Image]) -> Tensor:
    """Images of one size as (count, 3, height, width), 0 to 1."""
    stacked = np.stack([np.asarray(image.convert("RGB")) for image in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255


def save_sheet(pictures: Sequence[Tensor], captions: Sequence[str], columns: int, path: Path) -> None:
    """Write the pictures row by row, `columns` to a row."""
    side = pictures[0].shape[-1]
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (side + 4), rows * (side + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = index % columns * (side + 4), index // columns * (side + CAPTION)
        sheet.paste(to_image(picture), (x, y))
        draw.multiline_text(
            (x + 1, y + side), "\n".join(textwrap.wrap(caption, CHARACTERS)[:2]), fill="black", spacing=0
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
