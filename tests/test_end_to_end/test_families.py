"""Every family, the whole way: from a picture file through the backend to a picture file, with tiny models of random weights."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from parity.cases import CASES

from backend.cli.ask import ask
from backend.cli.reach import running_only
from protocol import ListModels, Models

FEW = ("--steps", "2", "--seed", 5)

# those that make layers are in test_layers.py
OFFERED = tuple(case for case in CASES if not case.layered)
NAMES = tuple(dict.fromkeys(case.tiny for case in OFFERED))


@pytest.fixture(scope="module")
def stocked(shared, request):
    """The shared home, with a tiny model of every family in its folder."""
    for name in NAMES:
        shutil.copytree(request.getfixturevalue(f"tiny_{name}"), shared.places.models / name)
    return shared


@pytest.fixture(scope="module")
def ids(stocked):
    """Ids of the models by the names of their folders."""
    told = ask(running_only(stocked.places), ListModels(), Models).models
    assert not [model for model in told if model.problem]
    return {model.name: model.id for model in told}


@pytest.fixture(scope="module")
def canvas(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("canvas")
    return (
        pictures.write(folder / "canvas.png", pictures.landscape(96, 80)),
        pictures.write(folder / "mask.png", pictures.spot(96, 80)),
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_family_fills_a_selection_and_nothing_else(stocked, ids, pictures, canvas, tmp_path, name):
    picture, mask = canvas
    out = tmp_path / "out.png"
    stocked.run("fill", picture, "--mask", mask, "--model", ids[name], "-p", "a red apple", "-o", out, *FEW)
    before, after, selected = pictures.read(picture), pictures.read(out), pictures.read(mask)[..., 0]
    assert np.array_equal(after[selected == 0], before[selected == 0])
    assert np.any(after[selected == 255] != before[selected == 255], axis=1).mean() > 0.5


@pytest.mark.parametrize("name", [case.tiny for case in OFFERED if case.edits])
def test_an_instruction_is_about_the_canvas(stocked, ids, pictures, canvas, tmp_path, name):
    """Another canvas gives another picture, though nothing else has changed and all of it is painted anew, or nearly."""
    # FLUX.2 is shown the canvas where not quite all of it is to be new
    strength = ("--strength", "0.99") if name.startswith("flux2") else ()
    one, other = two_canvases(stocked, pictures, canvas, tmp_path, "--model", ids[name], *strength)
    assert not np.array_equal(one, other)


def two_canvases(stocked, pictures, canvas, folder, *words):
    """Have the same painted over a canvas and over a darker one."""
    dark = pictures.write(folder / "dark.png", pictures.read(canvas[0]) // 2)
    made = []
    for number, picture in enumerate((canvas[0], dark)):
        out = folder / f"{number}.png"
        stocked.run("fill", picture, *words, "-p", "make it blue", "-o", out, *FEW)
        made.append(pictures.read(out))
    return made


def test_one_that_paints_new_pictures_leaves_the_canvas_aside_where_all_is_to_be_new(
    stocked, ids, pictures, canvas, tmp_path
):
    one, other = two_canvases(stocked, pictures, canvas, tmp_path, "--model", ids["flux2_klein"])
    assert np.array_equal(one, other)


def test_one_that_is_shown_a_single_picture_is_shown_the_painters_own(stocked, ids, pictures, canvas, tmp_path):
    words = ("--model", ids["flux_kontext"], "--reference", canvas[1])
    one, other = two_canvases(stocked, pictures, canvas, tmp_path, *words)
    assert np.array_equal(one, other)


def test_references_that_a_model_does_not_take_are_told(stocked, ids, canvas, tmp_path):
    command = stocked.run(
        "generate", "--reference", canvas[0], "--model", ids["sd15"], "-p", "a cat", "-o", tmp_path / "out.png", *FEW
    )
    assert "does not work from reference pictures" in command.stderr
