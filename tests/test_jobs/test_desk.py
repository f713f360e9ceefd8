"""A job from its submission to its one end, whoever asks, and whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import logging

import pytest

from backend.jobs import Desk, Spool
from backend.plan import PlanError
from protocol import Accepted, Cancelled, Done, Failed, Failure, Limits, Progress, Queued


async def test_a_job_is_accepted_told_of_and_ends_with_its_pictures(desk, hand, ana, tools):
    job = tools.new_job(count=2, seed=7)
    desk.submit("ana", job, ana)
    assert ana.events == [Accepted(job.id, 0)]
    await tools.running(hand, job)
    hand.step(5)
    hand.preview(5, bytes(12), 2, 2)
    hand.finish(notes=("scaled down",))
    done = await tools.ended(ana, job)
    assert isinstance(done, Done)
    assert [picture.seed for picture in done.pictures] == [7, 8]
    assert done.notes == ("scaled down",)
    for picture in done.pictures:
        assert desk.content("ana", picture.image.content) == tools.hand.pixels_for(picture.seed, picture.bounds)
        assert desk.content("ben", picture.image.content) is None
    (progress,) = ana.of(Progress)
    assert (progress.step, progress.steps, progress.pictures) == (5, 10, 2)
    assert 0 < progress.fraction < 0.5
    assert ana.previews[0][0].id == job.id
    desk.acknowledge("ana", job.id)
    assert desk.content("ana", done.pictures[0].image.content) is None
    assert tools.state_of(desk, "ana", job.id) == "unknown"


async def test_a_job_waits_for_its_attachments_and_they_travel_once(desk, hand, ana, tools):
    job, content = tools.job_with_image()
    desk.submit("ana", job, ana)
    assert ana.asked == [job.image]
    assert ana.events == []
    assert tools.state_of(desk, "ana", job.id) == "receiving"
    desk.arrived("ana", job.image.content, content)
    assert ana.events == [Accepted(job.id, 0)]
    await tools.running(hand, job)
    assert hand.contents == [{job.image.content: content}]
    hand.finish()
    await tools.ended(ana, job)
    again, _ = tools.job_with_image()
    desk.submit("ana", again, ana)
    assert len(ana.asked) == 1
    await tools.running(hand, again)
    assert hand.contents[1] == {job.image.content: content}


async def test_an_end_tells_what_its_notes_are_about_and_which_model_painted(desk, hand, ana, tools):
    image, content = tools.job_with_image()
    job = tools.new_job(references=(image.image,))
    desk.submit("ana", job, ana)
    desk.arrived("ana", image.image.content, content)
    await tools.running(hand, job)
    hand.finish(notes=("nothing but black",))
    done = await tools.ended(ana, job)
    assert len(done.notes) == 2
    assert (done.notes[1], done.matters, done.model) == ("nothing but black", ("references",), "tiny")


async def test_jobs_that_share_an_attachment_get_it_at_once(desk, ana, tools):
    first, content = tools.job_with_image()
    second, _ = tools.job_with_image()
    desk.submit("ana", first, ana)
    desk.submit("ana", second, ana)
    desk.arrived("ana", first.image.content, content)
    assert [event.id for event in ana.of(Accepted)] == [first.id, second.id]


async def test_an_id_is_painted_once_however_often_it_is_submitted(desk, hand, ana, tools):
    job, content = tools.job_with_image()
    desk.submit("ana", job, ana)
    reconnected = tools.Listener()
    desk.submit("ana", job, reconnected)
    assert reconnected.asked == [job.image], "the new connection brings what the old one has not"
    desk.arrived("ana", job.image.content, content)
    await tools.running(hand, job)
    hand.step(3)
    await tools.until(lambda: ana.of(Progress))
    desk.submit("ana", job, reconnected)
    assert reconnected.events == [Accepted(job.id, 0), *ana.of(Progress)]
    hand.finish()
    done = await tools.ended(ana, job)
    desk.submit("ana", job, reconnected)
    assert reconnected.events[-1] == done
    assert hand.ran == [job.id]


async def test_an_id_names_one_job_only(desk, hand, ana, tools):
    job = tools.new_job(prompt="an apple")
    other = tools.new_job(id=job.id, prompt="a pear")
    desk.submit("ana", job, ana)
    with pytest.raises(tools.Refusal) as refused:
        desk.submit("ana", other, ana)
    assert refused.value.failure.code == "id_in_use"
    await tools.running(hand, job)
    hand.finish()
    await tools.ended(ana, job)
    with pytest.raises(tools.Refusal):
        desk.submit("ana", other, ana)


async def test_the_same_id_of_another_owner_is_another_job(desk, hand, ana, ben, tools):
    mine = tools.new_job(prompt="an apple")
    yours = tools.new_job(id=mine.id, prompt="a pear")
    desk.submit("ana", mine, ana)
    desk.submit("ben", yours, ben)
    await tools.running(hand, mine)
    hand.finish()
    await tools.ended(ana, mine)
    await tools.until(lambda: len(hand.ran) == 2)
    assert ben.ends(mine.id) == []
    hand.fail()
    assert isinstance(await tools.ended(ben, yours), Failed)
    assert len(ana.ends(mine.id)) == 1


async def test_places_are_told_when_they_change(desk, hand, ana, ben, tools):
    first, second, third = (tools.new_job() for _ in range(3))
    desk.submit("ana", first, ana)
    await tools.running(hand, first)
    desk.submit("ana", second, ana)
    desk.submit("ana", third, ana)
    assert [event.place for event in ana.of(Accepted)] == [0, 0, 1]
    guest = tools.new_job()
    desk.submit("ben", guest, ben)
    assert ben.of(Accepted) == [Accepted(guest.id, 0)], "before the second job of whoever is painting"
    assert ana.of(Queued) == [Queued(second.id, 1), Queued(third.id, 2)]
    hand.finish()
    await tools.running(hand, guest)
    assert ana.of(Queued)[2:] == [Queued(second.id, 0), Queued(third.id, 1)]


async def test_cancelling_while_receiving_waiting_and_running(desk, hand, ana, tools):
    runs, waits = tools.new_job(), tools.new_job()
    receives, _ = tools.job_with_image()
    for job in (runs, waits, receives):
        desk.submit("ana", job, ana)
    await tools.running(hand, runs)
    for job in (receives, waits, runs):
        desk.cancel("ana", job.id, ana)
        desk.cancel("ana", job.id, ana)
    for job in (receives, waits, runs):
        assert await tools.ended(ana, job) == Cancelled(job.id)
    assert ana.forgotten == [receives.image.content]
    assert hand.ran == [runs.id]
    probe = tools.Listener()
    desk.cancel("ana", runs.id, probe)
    assert probe.events == [Cancelled(runs.id)], "its end is told again"


async def test_a_cancel_while_the_plan_is_made_paints_nothing(hand, tmp_path, tools):
    may_plan = asyncio.Event()

    async def slow_plan(job):
        await may_plan.wait()
        return await tools.plan_of(job)

    desk = Desk(hand, slow_plan, Spool(tmp_path), Limits())
    await desk.start()
    ana = tools.Listener()
    desk.attach("ana", ana)
    job = tools.new_job()
    desk.submit("ana", job, ana)
    await tools.until(lambda: desk.running)
    desk.cancel("ana", job.id, ana)
    may_plan.set()
    assert await tools.ended(ana, job) == Cancelled(job.id)
    assert hand.ran == []
    await desk.close()


async def test_nobody_cancels_asks_or_acknowledges_for_another(desk, hand, ana, ben, tools):
    job = tools.new_job()
    desk.submit("ana", job, ana)
    await tools.running(hand, job)
    with pytest.raises(tools.Refusal) as refused:
        desk.cancel("ben", job.id, ben)
    assert refused.value.failure.code == "unknown_job"
    assert tools.state_of(desk, "ben", job.id) == "unknown"
    desk.acknowledge("ben", job.id)
    hand.finish()
    assert isinstance(await tools.ended(ana, job), Done)
    desk.acknowledge("ben", job.id)
    assert tools.state_of(desk, "ana", job.id) == "done"
    assert ben.events == []


@pytest.mark.parametrize("what", ["fail", "break_off", "fall_silent", "leave_one_out", "cut_short"])
async def test_whatever_goes_wrong_the_job_fails_and_the_queue_goes_on(what, desk, hand, ana, tools):
    job, following = tools.new_job(count=2), tools.new_job()
    desk.submit("ana", job, ana)
    desk.submit("ana", following, ana)
    await tools.running(hand, job)
    if what == "leave_one_out":
        hand.finish(leave_out=1)
    else:
        getattr(hand, what)()
    end = await tools.ended(ana, job)
    assert isinstance(end, Failed)
    assert end.failure.happened
    assert end.failure.remedy
    await tools.running(hand, following)
    hand.finish()
    assert isinstance(await tools.ended(ana, following), Done)


async def test_an_end_that_cannot_travel_is_a_failure(desk, hand, ana, tools):
    job = tools.new_job()
    desk.submit("ana", job, ana)
    await tools.running(hand, job)
    hand.finish(notes=("half a pair \ud800",))
    assert isinstance(await tools.ended(ana, job), Failed)


@pytest.mark.parametrize(
    "error", [PlanError(Failure("too_thin", "It is too thin.", "Widen it.")), RuntimeError("a bug")]
)
async def test_a_plan_that_cannot_be_made_is_a_failure(error, hand, tmp_path, tools):
    async def no_plan(job):
        raise error

    desk = Desk(hand, no_plan, Spool(tmp_path), Limits())
    await desk.start()
    ana = tools.Listener()
    desk.attach("ana", ana)
    jobs = [tools.new_job(), tools.new_job()]
    for job in jobs:
        desk.submit("ana", job, ana)
    for job in jobs:
        end = await tools.ended(ana, job)
        assert end.failure.code == ("too_thin" if isinstance(error, PlanError) else "executor_fault")
    await desk.close()


async def test_jobs_live_longer_than_connections(desk, hand, ana, tools):
    job = tools.new_job()
    lost, _ = tools.job_with_image()
    desk.submit("ana", job, ana)
    desk.submit("ana", lost, ana)
    desk.detach("ana", ana)
    assert tools.state_of(desk, "ana", lost.id) == "unknown", "it was never whole; the client submits it again"
    await tools.running(hand, job)
    hand.finish()
    await tools.until(lambda: tools.state_of(desk, "ana", job.id) == "done")
    assert ana.ends(job.id) == []
    back = tools.Listener()
    desk.attach("ana", back)
    desk.query("ana", [job.id, lost.id], back)
    states, done = back.events
    assert [status.state for status in states.states] == ["done", "unknown"]
    assert desk.content("ana", done.pictures[0].image.content)


async def test_a_query_tells_how_far_jobs_are(desk, hand, ana, tools):
    runs, waits = tools.new_job(), tools.new_job()
    desk.submit("ana", runs, ana)
    desk.submit("ana", waits, ana)
    await tools.running(hand, runs)
    hand.step(5)
    await tools.until(lambda: ana.of(Progress))
    probe = tools.Listener()
    desk.query("ana", [waits.id, runs.id, "f" * 32], probe)
    assert [status.state for status in probe.events[0].states] == ["queued", "running", "unknown"]
    assert probe.events[1:] == [Queued(waits.id, 0), *ana.of(Progress)]


async def test_an_end_is_acknowledged_only_after_it_has_come(desk, ana, tools):
    job = tools.new_job()
    desk.submit("ana", job, ana)
    with pytest.raises(tools.Refusal) as refused:
        desk.acknowledge("ana", job.id)
    assert refused.value.failure.code == "not_ended"


async def test_no_prompt_is_logged(desk, hand, ana, tools, caplog):
    caplog.set_level(logging.DEBUG)
    job = tools.new_job(prompt="Elisabeth's tattoo")
    desk.submit("ana", job, ana)
    await tools.running(hand, job)
    hand.break_off()
    await tools.ended(ana, job)
    assert job.id in caplog.text
    assert "Elisabeth" not in caplog.text
