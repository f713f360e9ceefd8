"""A picture taken apart into layers, the whole way: from a picture file to a file for each layer, with a tiny model of random weights."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest

from backend.cli.ask import ask
from backend.cli.reach import running_only
from protocol import MAX_LAYERS, ListModels, Models

FEW = ("--steps", "2", "--seed", 5)
SMALL = {"native": 64, "least_side": 32, "most_pixels": 96 * 96, "context": {"padding": 0.5, "minimum": 64}}


@pytest.fixture(scope="module")
def ids(shared, tiny_qwen_layered):
    """Ids of the models by the names of their folders."""
    layered = shutil.copytree(tiny_qwen_layered, shared.places.models / "layered")
    (layered / "scumble.json").write_text(json.dumps(SMALL))
    told = ask(running_only(shared.places), ListModels(), Models).models
    assert {model.name: model.layers for model in told if model.layers} == {"layered": MAX_LAYERS}
    return {model.name: model.id for model in told}


@pytest.fixture(scope="module")
def canvas(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("canvas")
    return (
        pictures.write(folder / "canvas.png", pictures.landscape(96, 80)),
        pictures.write(folder / "mask.png", pictures.spot(96, 80)),
    )


def layers_of(folder, pictures):
    return {path.name: pictures.read(path) for path in sorted(folder.glob("*.png"))}


def test_each_layer_is_a_file_as_large_as_the_picture(shared, ids, pictures, canvas, tmp_path):
    command = shared.run(
        "fill", canvas[0], "--layers", 3, "--model", ids["layered"], "-p", "a hill", "-o", tmp_path / "out.png", *FEW
    )
    layers = layers_of(tmp_path, pictures)
    assert list(layers) == ["out-1.png", "out-2.png", "out-3.png"]
    assert {layer.shape for layer in layers.values()} == {(80, 96, 4)}
    assert len({layer.tobytes() for layer in layers.values()}) == 3
    assert re.findall(r"out-\d\.png  seed \d", command.stdout) == [f"out-{n}.png  seed 5" for n in (1, 2, 3)]


def test_only_what_is_selected_is_taken_apart(shared, ids, pictures, canvas, tmp_path):
    """And nobody has to say what is in it."""
    picture, mask = canvas
    words = ("--mask", mask, "--layers", 2, "--model", ids["layered"], "-o", tmp_path / "out.png", *FEW)
    shared.run("fill", picture, *words)
    layers, selected = layers_of(tmp_path, pictures), pictures.read(mask)[..., 0]
    assert list(layers) == ["out-1.png", "out-2.png"]
    for layer in layers.values():
        assert not layer[selected == 0].any()
    assert layers["out-1.png"][..., 3].any()


def test_each_of_several_pictures_has_its_layers(shared, ids, pictures, canvas, tmp_path):
    words = ("--layers", 2, "--count", 2, "--model", ids["layered"], "-p", "a hill", "-o", tmp_path / "out.png", *FEW)
    command = shared.run("fill", canvas[0], *words)
    assert list(layers_of(tmp_path, pictures)) == ["out-1-1.png", "out-1-2.png", "out-2-1.png", "out-2-2.png"]
    assert re.findall(r"seed (\d)", command.stdout) == ["5", "5", "6", "6"]


def test_deep_pictures_have_deep_layers(shared, ids, pictures, canvas, tmp_path):
    deep = pictures.write(tmp_path / "deep.png", pictures.read(canvas[0]).astype(np.uint16) * 257)
    out = tmp_path / "out"
    out.mkdir()
    words = ("--layers", 1, "--model", ids["layered"], "-p", "a hill", "-o", out / "out.png", *FEW)
    shared.run("fill", deep, *words)
    (layer,) = layers_of(out, pictures).values()
    assert layer.dtype == np.uint16
    assert (layer % 257 != 0).any()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--layers", 3, "--model", "starter"), "takes no picture apart into layers"),
        (("--layers", 0), "must lie between 1 and 10, got 0"),
        (("--layers", 11), "must lie between 1 and 10, got 11"),
        (("--layers", "some"), "invalid whole number value"),
    ],
)
def test_what_cannot_be_taken_apart_is_told(shared, canvas, tmp_path, words, says):
    code = 2 if words[1] != 3 else 1
    command = shared.run("fill", canvas[0], *words, "-p", "a hill", "-o", tmp_path / "out.png", *FEW, code=code)
    assert says in " ".join(command.stderr.split())
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("command", ["fill", "generate"])
def test_a_model_that_makes_layers_only_wants_to_know_how_many(shared, ids, canvas, tmp_path, command):
    words = (canvas[0],) if command == "fill" else ()
    told = shared.run(command, *words, "--model", ids["layered"], "-p", "a", "-o", tmp_path / "a.png", *FEW, code=1)
    assert "Say into how many layers, 1 to 10" in " ".join(told.stderr.split())


def test_a_file_without_transparency_is_refused_before_anything_is_painted(shared, ids, canvas, tmp_path):
    words = ("--layers", 2, "--model", ids["layered"], "-o", tmp_path / "out.jpg", *FEW)
    told = shared.run("fill", canvas[0], *words, code=2)
    assert "JPEG has no transparency" in told.stderr
