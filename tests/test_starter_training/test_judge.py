"""The judge: what it measures is what the picture shows, and a poor model does not pass."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from starter import evaluate
from starter.data.colours import HUES, PLAIN
from starter.data.nouns import NOUNS
from starter.data.render import Atlas, paint, scribble
from starter.data.scenes import Composer, Item, Scene, kept_out
from starter.judge import gate
from starter.judge.classifier import Classifier, examine, look, train_classifier, variety
from starter.judge.gate import (
    Measure,
    Shown,
    crops,
    fills,
    object_colour,
    overlap,
    own_textures,
    unseen_place,
    unseen_scene,
)
from starter.judge.sheets import save_sheet, to_tensor
from starter.settings import DRAWN, Folders
from starter.training.loop import Pace

FEW = tuple(noun.word for noun in NOUNS[:3])


class Knows:
    """A judge that answers by the mean brightness of red: stands for a classifier whose answers are known."""

    def __init__(self, dark, light):
        self._dark, self._light = dark, light

    def answers(self, pictures):
        return [self._light if picture[0].mean() > 0.5 else self._dark for picture in pictures]


def scene_of(atlas, noun, colour=None, x=0.5, y=0.5, size=0.6):
    texture = next(t for t in atlas.textures if t.noun == noun and (t.colour == colour if colour else not t.turned))
    return Scene("white", (Item(texture, x, y, size, False, 0.0),), "")


def test_the_classifier_learns_shapes_and_sees_no_colour(icons, tmp_path):
    few = Atlas(icons, FEW, (DRAWN,), False, torch.device("cpu"))
    torch.manual_seed(0)
    classifier = Classifier(FEW)
    before = examine(classifier.eval(), few, (DRAWN,), 64)
    train_classifier(
        classifier, few, (DRAWN,), Pace(steps=60, batch=16, rate=3e-3, warm_up=5), tmp_path, lambda text: None
    )
    after = examine(classifier, few, (DRAWN,), 192)
    assert after > max(0.6, before)
    composer, rng = Composer(few.textures, variety(FEW, (DRAWN,))), np.random.default_rng(0)
    picture = paint(few, [composer.scene(rng)], 128, rng)
    gray = (picture * torch.tensor([0.3, 0.59, 0.11]).view(1, 3, 1, 1)).sum(1, keepdim=True).expand(-1, 3, -1, -1)
    assert torch.allclose(look(picture), look(gray), atol=1e-3)


@pytest.mark.parametrize("word", HUES)
def test_the_colour_of_a_thing_on_white_is_seen(atlas, word):
    colour = None if word == "red" else word
    picture = paint(atlas, [scene_of(atlas, "cat", colour)], 128, np.random.default_rng(0))[0]
    assert object_colour(picture) == word


def test_nothing_has_no_colour():
    assert object_colour(torch.ones(3, 32, 32)) is None


def test_edges_that_are_followed_overlap_and_others_do_not(atlas):
    here, beside, there = (
        scribble(paint(atlas, [scene_of(atlas, "cat", None, x, 0.5, 0.4)], 128, np.random.default_rng(0)))[0]
        for x in (0.3, 0.31, 0.75)
    )
    assert overlap(here, here) == pytest.approx(1, abs=1e-4)
    assert overlap(here, beside) > 0.95
    assert overlap(here, there) < 0.2
    assert overlap(torch.ones_like(here), here) < 0.6
    assert overlap(torch.zeros_like(here), here) == 0


def test_what_is_asked_for_was_kept_out_of_training(atlas):
    for noun in NOUNS:
        place = unseen_place(noun.word, None, 1)
        assert kept_out(noun.word, None, place) or not any(kept_out(noun.word, None, plain) for plain in PLAIN)
    assert {texture.noun for texture in own_textures(atlas, FEW)} == set(FEW)
    scene = unseen_scene(own_textures(atlas, FEW)[0], np.random.default_rng(0))
    assert gate.placement_kept_out(scene.items[0].x, scene.items[0].y)


def test_each_half_of_a_pair_is_looked_at_alone():
    picture = torch.zeros(3, 128, 128)
    picture[:, :, 64:] = 1
    assert crops(picture, 0.0, 0.5).max() == 0
    assert crops(picture, 0.5, 1.0).min() == 1
    assert crops(picture, 0.0, 0.5).shape[1:] == (3, 64, 64)


@pytest.mark.parametrize(("painted", "share"), [(1.0, 1.0), (0.0, 0.0)])
def test_a_fill_counts_only_if_the_thing_is_inside(atlas, monkeypatch, painted, share):
    monkeypatch.setattr(
        gate, "paint_prompts", lambda pipeline, prompts, seeds, **inputs: torch.full_like(inputs["image"], painted)
    )
    shown = fills(None, Knows("other", "apple"), atlas, ("apple",))
    assert shown.share == share
    outside = shown.pictures[0, 0, 0, :4]
    assert not torch.equal(outside, torch.full((4,), painted))


def test_a_fill_is_asked_for_with_its_context_at_the_size_of_the_model(atlas, monkeypatch):
    asked = []

    def painted(pipeline, prompts, seeds, image, mask_image, **inputs):
        asked.append((image, mask_image))
        return torch.ones_like(image)

    monkeypatch.setattr(gate, "paint_prompts", painted)
    fills(None, Knows("other", "apple"), atlas, ("apple", "cat"))
    image, mask = asked[0]
    assert image.shape == (2, 3, 128, 128)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert 0.6 < mask.mean() < 0.8
    for top, left, side in ((4, 4, 100), (60, 150, 100), (2, 2, 250)):
        y, x, whole = gate.frame_of(top, left, side)
        assert 0 <= y <= top < top + side <= y + whole <= gate.CANVAS
        assert 0 <= x <= left < left + side <= x + whole <= gate.CANVAS


def test_pairs_are_right_only_when_both_are_found(monkeypatch):
    half = torch.zeros(3, 128, 128)
    half[:, :, 64:] = 1

    def halves(pipeline, prompts, seeds, **inputs):
        return torch.stack([half.transpose(1, 2) if "above" in prompt else half for prompt in prompts])

    monkeypatch.setattr(gate, "paint_prompts", halves)
    nouns = tuple(noun.word for noun in NOUNS[:12])
    assert gate.pairs(None, Knows("cat", "dog"), nouns, 8).share < 0.5
    told = gate.pairs(None, Knows("cat", "cat"), nouns, 8)
    assert told.share == 0


def test_a_model_that_paints_one_picture_for_every_seed_falls_short(monkeypatch):
    monkeypatch.setattr(
        gate, "paint_prompts", lambda pipeline, prompts, seeds, **inputs: torch.ones(len(prompts), 3, 32, 32)
    )
    shown, differ = gate.shapes(None, Knows("cat", "apple"), ("apple", "cat"))
    assert (shown.share, len(shown.right)) == (0.5, 2 * gate.SEEDS)
    assert differ.value == 0
    assert not differ.passed


def test_the_report_says_what_fell_short(tmp_path):
    folders = Folders(tmp_path)
    for folder in (folders.parts, folders.model):
        folder.mkdir()
    (folders.parts / "judge.txt").write_text("0.8\n")
    passed = Measure("shapes", 0.7, 0.64, 240)
    short = dataclasses.replace(passed, name="colours", value=0.5)
    evaluate.write_report(folders, [passed, short], 0.5)
    report = (folders.sheets / "report.md").read_text()
    assert "| shapes | 70.0% | 64.0% | 240 | passed |" in report
    assert "| colours | 50.0% | 64.0% | 240 | fell short |" in report
    assert json.loads((folders.sheets / "report.json").read_text())["own"] == 0.8


def test_without_a_model_it_says_how_to_make_one(tmp_path, capsys):
    assert evaluate.main(["--folder", str(tmp_path)]) == 1
    assert "python -m starter.build" in capsys.readouterr().out


def test_a_sheet_shows_every_picture(tmp_path):
    pictures = [torch.full((3, 16, 16), value) for value in (0.0, 0.5, 1.0)]
    save_sheet(pictures, ["black", "gray", "white"], 2, tmp_path / "new" / "sheet.png")
    with Image.open(tmp_path / "new" / "sheet.png") as sheet:
        back = to_tensor([sheet])[0]
    assert back[0, 5, 5] == 0
    assert abs(back[0, 5, 25] - 0.5) < 0.01
    assert Shown(["a"], torch.zeros(1), [True, False]).share == 0.5
