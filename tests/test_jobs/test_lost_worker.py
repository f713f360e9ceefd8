"""A job whose worker is lost in the middle of it: painted once more, and not more often."""

from __future__ import annotations

from backend.jobs.bench import PAINTED_ANEW
from protocol import Cancelled, Done


async def test_a_job_whose_worker_is_lost_is_painted_once_more_and_says_so(desk, hand, ana, tools):
    job, content = tools.job_with_image(count=2)
    desk.submit("ana", job, ana)
    desk.arrived("ana", job.image.content, content)
    await tools.running(hand, job)
    hand.step(3)
    hand.lose_worker()
    await tools.until(lambda: hand.ran == [job.id, job.id])
    assert ana.ends(job.id) == []
    hand.finish()
    end = await tools.ended(ana, job)
    assert isinstance(end, Done)
    assert [picture.seed for picture in end.pictures] == [0, 1]
    assert end.notes == (PAINTED_ANEW,)
    assert hand.contents[0] == hand.contents[1] == {job.image.content: content}


async def test_a_job_that_loses_each_worker_fails_and_the_queue_goes_on(desk, hand, ana, tools):
    job, following = tools.new_job(), tools.new_job()
    desk.submit("ana", job, ana)
    desk.submit("ana", following, ana)
    await tools.running(hand, job)
    hand.lose_worker()
    await tools.until(lambda: len(hand.ran) == 2)
    hand.lose_worker()
    assert (await tools.ended(ana, job)).failure.code == "worker_lost"
    await tools.running(hand, following)
    hand.finish()
    assert isinstance(await tools.ended(ana, following), Done)
    assert hand.ran == [job.id, job.id, following.id]


async def test_a_cancelled_job_whose_worker_is_lost_is_not_painted_again(desk, hand, ana, tools):
    job = tools.new_job()
    desk.submit("ana", job, ana)
    await tools.running(hand, job)
    hand.lose_worker()
    desk.cancel("ana", job.id, ana)
    assert await tools.ended(ana, job) == Cancelled(job.id)
    assert hand.ran == [job.id]
