"""Batches drawn ahead: the same ones wherever they are drawn, and those of a stage that is over are dropped."""

import dataclasses
import threading

import numpy as np
import pytest
import torch
from transformers import CLIPTokenizer

from starter.data.render import arrange, paint, paint_arranged
from starter.data.scenes import Composer, Variety
from starter.settings import words
from starter.training import team
from starter.training.batches import FORMER, Ahead, Artist, in_processes, in_thread, workers
from starter.training.control import THRESHOLDS, sketched
from starter.training.text import Words
from starter.training.words import TEXT_LENGTH, count_words, write_tokenizer


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(count_words({"cat": ["cat", "kitten"], "tree": ["tree", "oak"]}), folder)
    return CLIPTokenizer.from_pretrained(folder)


def employ(atlas, tokenizer):
    narrow = Variety(words(4))
    composers = [Composer(atlas.textures, variety) for variety in (narrow, dataclasses.replace(narrow, pairs=0.6))]
    return Artist(composers, Words(tokenizer), 6, 64, 0.2, 3)


@pytest.fixture
def artist(atlas, tokenizer):
    return employ(atlas, tokenizer)


def same(one, other):
    return (
        np.array_equal(one.ids, other.ids)
        and one.chance == other.chance
        and np.array_equal(one.arranged.backgrounds, other.arranged.backgrounds)
        and all(
            np.array_equal(getattr(a, name), getattr(b, name))
            for a, b in zip(one.arranged.layers, other.arranged.layers, strict=True)
            for name in ("scenes", "rows", "levels", "theta")
        )
    )


def test_processes_draw_what_the_artist_draws(artist):
    ahead = in_processes(artist, 2)
    try:
        for step, stage in ((0, 0), (1, 0), (1, 1), (2, 1)):
            assert same(ahead.take(step, stage), artist(step, stage))
    finally:
        ahead.close()
    assert not same(artist(0, 1), artist(1, 1))
    assert workers() >= 1


def test_each_of_a_team_draws_batches_of_its_own(monkeypatch, atlas, tokenizer, artist):
    monkeypatch.setattr(team, "rank", lambda: 1)
    assert not same(employ(atlas, tokenizer)(0, 1), artist(0, 1))


def test_other_processes_read_captions_as_the_library_does(tokenizer):
    texts = ["", "a red cat in the snow", "A Tree,  and an unheard-of thing", "cat " * 200]
    rows = Words(tokenizer).rows(texts)
    assert rows.shape == (4, TEXT_LENGTH)
    for length in (TEXT_LENGTH, 12):
        by_library = tokenizer(texts, padding="max_length", max_length=length, truncation=True, return_tensors="np")
        assert np.array_equal(Words(tokenizer).rows(texts, length), by_library.input_ids)


def test_a_stage_brings_back_the_former_one(artist):
    counts = [len(layer.scenes) for step in range(40) for layer in artist(step, 1).arranged.layers[1:]]
    pairs = 0.6 * (1 - FORMER)
    assert pairs * 0.6 < sum(counts) / (40 * 6) < pairs * 1.4


def test_the_next_is_begun_before_it_is_asked_for():
    begun, go_on = threading.Event(), threading.Event()

    def make(step, stage):
        if step == 1:
            begun.set()
            assert go_on.wait(60)
        return step, stage

    ahead = in_thread(make)
    assert ahead.take(0, 0) == (0, 0)
    assert begun.wait(60)
    go_on.set()
    assert ahead.take(1, 0) == (1, 0)
    assert ahead.take(2, 1) == (2, 1)
    ahead.close()


def test_what_is_not_asked_for_any_more_is_dropped():
    class Now:
        submitted: list = []

        def submit(self, make, *key):
            self.submitted.append(key)
            return dataclasses.make_dataclass("Done", ["key"], namespace={"result": lambda s: s.key, "cancel": bool})(
                key
            )

        def shutdown(self, **how):
            self.how = how

    executor = Now()
    ahead = Ahead(lambda step, stage: None, executor, 2)
    assert ahead.take(0, 0) == (0, 0)
    assert ahead.take(1, 1) == (1, 1)
    assert executor.submitted == [(0, 0), (1, 0), (2, 0), (1, 1), (2, 1), (3, 1)]
    ahead.close()
    assert executor.how == {"wait": True, "cancel_futures": True}


def test_scenes_as_numbers_are_painted_like_scenes(atlas):
    composer, rng = (
        Composer(atlas.textures, Variety(words(6), size=(0.1, 0.9), drift=0.1, pairs=0.5)),
        np.random.default_rng(5),
    )
    scenes = [composer.scene(rng) for _ in range(12)]
    arranged = arrange(scenes, 128, np.random.default_rng(7))
    assert {int(level) for layer in arranged.layers for level in layer.levels} == {0, 1, 2}
    assert torch.equal(paint_arranged(atlas, arranged, 128), paint(atlas, scenes, 128, np.random.default_rng(7)))


def test_lines_are_few_or_many_and_thin_or_broad_by_chance(atlas):
    composer, rng = Composer(atlas.textures, Variety(words(6))), np.random.default_rng(5)
    pictures = paint(atlas, [composer.scene(rng) for _ in range(8)], 64, rng)
    pictures = torch.nn.functional.avg_pool2d(pictures, 5, 1, 2)
    drawn = [float(sketched(pictures, chance).mean()) for chance in (0.01, 0.49, 0.51, 0.99)]
    assert drawn[0] > drawn[1] > 0
    assert drawn[2] > drawn[3] > 0
    assert drawn[0] > drawn[2]
    assert THRESHOLDS[0] < THRESHOLDS[1]
