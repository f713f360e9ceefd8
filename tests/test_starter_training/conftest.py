"""A handful of drawings, made here, in the shape of the real packages: nothing is fetched."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from starter.data.icons import SIDE, Drawing, Icons, fit
from starter.data.nouns import NOUNS
from starter.data.render import Atlas
from starter.settings import SECOND

HEART, MARGIN = "red heart", 8


def drawn(index, colour):
    """A shape that differs with `index`, in one colour."""
    image = Image.new("RGBA", (SIDE, SIDE))
    corners = 3 + index % 5
    turn = index * 0.7
    points = [
        (
            SIDE / 2 + (SIDE / 2 - MARGIN) * np.cos(turn + 2 * np.pi * k / corners),
            SIDE / 2 + (SIDE / 2 - MARGIN) * np.sin(turn + 2 * np.pi * k / corners),
        )
        for k in range(corners)
    ]
    ImageDraw.Draw(image).polygon(points, fill=(*colour, 255))
    return fit(np.asarray(image), SIDE)


@pytest.fixture(scope="session")
def icons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("icons")
    for origin in SECOND:
        rows = [Drawing(origin, f"{index:X}", noun.label, index) for index, noun in enumerate(NOUNS)]
        np.save(folder / f"{origin}.npy", np.stack([drawn(index, (220, 40, 50)) for index in range(len(NOUNS))]))
        (folder / f"{origin}.json").write_text(json.dumps([asdict(row) for row in rows]))
    return Icons(folder)


@pytest.fixture(scope="session")
def atlas(icons):
    return Atlas(icons, [noun.word for noun in NOUNS], SECOND, True, torch.device("cpu"))
