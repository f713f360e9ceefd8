"""Several pictures at once: how many, that each is the one made alone, and what happens where memory runs out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend.engine import Engine, loaded
from backend.engine.batch import MOST_AT_ONCE, batches, room_for, told_alike
from backend.families.sd1 import SD1
from backend.models import STARTER_ID, Library
from backend.pixels import raw
from backend.plan import Finished, PictureMade, PreviewMade, Stepped, WentWrong, make_plan
from protocol import DeviceInfo, Extent, Job, Style

SQUARE = Extent(128, 128)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return Library(tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def engine(library):
    return Engine(library, device="cpu")


@pytest.fixture
def facts(library):
    return library.find(STARTER_ID).facts


def job(**fields):
    return Job("0" * 32, SQUARE, **{"prompt": "a red apple", "seed": 5, "count": 3, "style": Style(steps=3), **fields})


def painted(engine, library, **fields):
    events = []
    engine.run(make_plan(job(**fields), library.find(STARTER_ID).facts), {}, events.append, lambda: False)
    return events


def layers(events):
    made = [event for event in events if isinstance(event, PictureMade)]
    assert [event.index for event in made] == list(range(len(made)))
    return [raw.to_rgba(raw.unpack(event.picture.image, event.content), "rgba") for event in made]


@pytest.mark.parametrize("most", [2, 3, 8])
def test_pictures_made_at_once_are_those_made_alone(engine, library, monkeypatch, most):
    alone = layers(painted(engine, library))
    monkeypatch.setattr(loaded, "room_for", lambda *told: most)
    events = painted(engine, library)
    for one, other in zip(layers(events), alone, strict=True):
        # several rows are multiplied in another order than one
        assert np.abs(one - other).max() <= 2 / 255
    steps = [event for event in events if isinstance(event, Stepped) and event.stage == "painting"]
    assert [(event.picture, event.together) for event in steps if event.step == 1] == {
        2: [(0, 2), (2, 1)],
        3: [(0, 3)],
        8: [(0, 3)],
    }[most]
    assert {event.picture for event in events if isinstance(event, PreviewMade)} == {0, 1, 2}


def test_where_memory_runs_out_they_are_made_one_after_the_other(engine, library, monkeypatch):
    alone = layers(painted(engine, library))
    monkeypatch.setattr(loaded, "room_for", lambda *told: 3)
    predict = SD1.predict

    def small(self, latents, *others):
        if len(latents) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return predict(self, latents, *others)

    monkeypatch.setattr(SD1, "predict", small)
    events = painted(engine, library)
    assert isinstance(events[-1], Finished)
    for one, other in zip(layers(events), alone, strict=True):
        assert np.array_equal(one, other)


def test_one_picture_that_does_not_fit_is_told(engine, library, monkeypatch):
    monkeypatch.setattr(loaded, "room_for", lambda *told: 3)

    def never(self, *others):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(SD1, "predict", never)
    end = painted(engine, library)[-1]
    assert isinstance(end, WentWrong)
    assert end.failure.code == "out_of_memory"


def test_a_processor_paints_one_at_a_time(facts):
    assert room_for(facts, SQUARE, DeviceInfo("any", "cpu", 2**40)) == 1
    assert room_for(facts, SQUARE, DeviceInfo("any")) == 1


def test_a_graphics_card_paints_as_many_as_its_memory_holds(facts):
    half = replace(facts, dtypes=(("cuda", "float32"),))

    def room(memory):
        return room_for(half, SQUARE, DeviceInfo("any", "cuda", memory))

    needed = SQUARE.area * facts.pixel_bytes * 2
    assert room(1) == 1
    assert room(needed) == 1
    assert room(3 * needed) == 3
    assert room(1000 * needed) == MOST_AT_ONCE


def test_loras_leave_less_room(facts):
    half = replace(facts, dtypes=(("cuda", "float32"),))
    picture = SQUARE.area * facts.pixel_bytes
    device = DeviceInfo("any", "cuda", 3 * picture * 2)
    assert [room_for(half, SQUARE, device, taken) for taken in (0, 1, picture, picture + 1, 9 * picture)] == [
        3,
        2,
        2,
        1,
        1,
    ]


def test_only_pictures_that_are_told_the_same_are_made_at_once(engine, library, monkeypatch):
    drawn = {"prompt": "a {red|blue} apple", "count": 5}
    alone = layers(painted(engine, library, **drawn))
    monkeypatch.setattr(loaded, "room_for", lambda *told: 8)
    events = painted(engine, library, **drawn)
    for one, other in zip(layers(events), alone, strict=True):
        assert np.abs(one - other).max() <= 2 / 255
    plan = make_plan(job(**drawn), library.find(STARTER_ID).facts)
    rows = [(first, len(seeds)) for first, seeds, _ in told_alike(plan)]
    assert 1 < len(rows) < 5
    assert sum(count for _, count in rows) == 5
    begun = [event for event in events if isinstance(event, Stepped) and event.stage == "painting" and event.step == 1]
    assert [(event.picture, event.together) for event in begun] == rows


def test_batches_keep_the_order_and_lose_none():
    assert list(batches((1, 2, 3, 4, 5), 2)) == [(0, (1, 2)), (2, (3, 4)), (4, (5,))]
    assert list(batches((7,), 8)) == [(0, (7,))]
