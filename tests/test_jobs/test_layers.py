"""Pictures that come in layers: all of them are told, kept over a restart and counted, or the job fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.families.facts import FAMILIES, Readings, facts_of_model
from backend.jobs import Desk, Refusal, Spool
from backend.jobs.admission import MAX_RESULT_BYTES, check_admission
from backend.plan import Finished, PictureMade, make_plan
from protocol import MAX_COUNT, MAX_LAYERS, Done, Extent, Failed, Job, Limits, Picture, Raster

READINGS = Readings(64, 8, 2, 16, 512, "flow", variant="layered", references=1, layers=MAX_LAYERS)
FACTS = facts_of_model(FAMILIES["qwen"], "layered", "Layered", READINGS)


async def plan_of(job):
    return make_plan(job, FACTS)


@pytest.fixture
async def opened(hand, tmp_path):
    """Open a desk on the same folder; what an earlier one has left is there."""
    desks = []

    async def make():
        desks.append(Desk(hand, plan_of, Spool(tmp_path / "spool"), Limits()))
        await desks[-1].start()
        return desks[-1]

    yield make
    for desk in desks:
        await desk.close()


def taken_apart(plan, tools, leave_out=0, cut=0):
    """What an executor tells of one picture with as many layers as the plan says."""
    bounds, (seed,) = plan.result, plan.seeds
    image, *layers = [tools.hand.pixels_for(number, bounds) for number in range(1 + plan.layers - leave_out)]
    rasters = [tools.hand.raster_of(content, bounds.width, bounds.height) for content in (image, *layers)]
    if cut:
        layers[-1] = layers[-1][:-cut]
    return PictureMade(0, Picture(rasters[0], bounds, seed, tuple(rasters[1:])), image, tuple(layers))


async def submitted(desk, hand, tools, listener):
    desk.attach("ana", listener)
    job, content = tools.job_with_image()
    job = replace(job, layers=3, strength=1.0)
    desk.submit("ana", job, listener)
    desk.arrived("ana", job.image.content, content)
    await tools.running(hand, job)
    return job


async def test_layers_are_kept_over_a_restart_until_they_are_acknowledged(opened, hand, tools):
    first, ana = await opened(), tools.Listener()
    job = await submitted(first, hand, tools, ana)
    made = taken_apart(hand.plan, tools)
    hand.give(made)
    hand.give(Finished())
    end = await tools.ended(ana, job)
    assert isinstance(end, Done)
    assert end.pictures == (made.picture,)
    # as after a kill: the first one is not closed, it is just no longer asked
    second, again = await opened(), tools.Listener()
    second.query("ana", [job.id], again)
    assert again.ends(job.id) == [end]
    for name, content in made.contents.items():
        assert second.content("ana", name) == content
    second.acknowledge("ana", job.id)
    assert all(second.content("ana", name) is None for name in made.contents)


@pytest.mark.parametrize("lacks", [{"leave_out": 1}, {"cut": 1}])
async def test_a_picture_that_lacks_some_of_its_layers_is_none(opened, hand, tools, lacks):
    desk, ana = await opened(), tools.Listener()
    job = await submitted(desk, hand, tools, ana)
    hand.give(taken_apart(hand.plan, tools, **lacks))
    hand.give(Finished())
    end = await tools.ended(ana, job)
    assert isinstance(end, Failed)
    assert end.failure.code == "executor_fault"


def test_layers_count_in_the_size_of_a_result():
    side = 4096
    image = Raster("a" * 64, side * side * 4, side, side, "rgba")
    flat = Job("0" * 32, Extent(side, side), image=image, count=MAX_COUNT)
    assert flat.count * side * side * 4 <= MAX_RESULT_BYTES
    check_admission(flat, Limits(), 0, 0)
    with pytest.raises(Refusal) as refused:
        check_admission(replace(flat, layers=2), Limits(), 0, 0)
    assert refused.value.failure.code == "result_too_large"
