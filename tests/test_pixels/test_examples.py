"""The pictures of examples/: what the script draws, and fit to be painted on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.pixels import files, layers
from protocol import Bounds

EXAMPLES = Path(__file__).parents[2] / "examples"
PICTURES = sorted(path for path in EXAMPLES.glob("*.png") if not path.stem.endswith("-mask"))


def test_the_script_draws_these_pictures(tmp_path):
    subprocess.run([sys.executable, EXAMPLES / "make_examples.py", tmp_path], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in EXAMPLES.glob("*.png"))
    for path in tmp_path.iterdir():
        drawn, kept = files.open_picture(path), files.open_picture(EXAMPLES / path.name)
        assert drawn.depth == kept.depth
        # Sines of another processor may round the other way once.
        assert np.abs(drawn.pixels.astype(int) - kept.pixels).max() <= 1


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_each_picture_has_a_mask_of_a_painters_size(path):
    picture, mask = files.open_picture(path), files.open_mask(path.with_name(f"{path.stem}-mask.png"))
    assert mask.shape == picture.pixels.shape[:2]
    selected = layers.mask_bounds(mask)
    assert selected is not None
    assert 130 <= selected.extent.shortest <= selected.extent.longest <= 230
    assert Bounds.of(picture.extent).contains(selected)
    plain = picture.pixels[mask > 0].astype(float) / np.iinfo(picture.pixels.dtype).max
    assert plain.std(axis=0).max() < 0.2, "the selection lies on plain ground"


def test_depths_and_alpha_are_all_there():
    pictures = [files.open_picture(path) for path in PICTURES]
    assert {picture.depth for picture in pictures} == {"u8", "u16"}
    assert {picture.order for picture in pictures} == {"rgb", "rgba"}
    deep = next(picture for picture in pictures if picture.depth == "u16")
    assert (deep.pixels % 257 != 0).mean() > 0.9, "sixteen bits that eight could not hold"
