"""What becomes of jobs when the server closes: every one has its end, and ends outlive it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from backend.jobs import Desk, Spool, spool_file
from protocol import Done, Limits


async def test_ends_outlive_the_server(desk, hand, ana, tmp_path, tools):
    done, failed = tools.new_job(), tools.new_job()
    desk.submit("ana", done, ana)
    await tools.running(hand, done)
    hand.finish()
    end = await tools.ended(ana, done)
    desk.submit("ana", failed, ana)
    await tools.running(hand, failed)
    await desk.close()
    assert (await tools.ended(ana, failed)).failure.code == "server_stopping"

    second = Desk(tools.hand.HandExecutor(), tools.plan_of, Spool(tmp_path / "spool"), Limits())
    await second.start()
    back = tools.Listener()
    second.query("ana", [done.id, failed.id], back)
    assert [status.state for status in back.events[0].states] == ["done", "failed"]
    assert back.events[1] == end
    assert second.content("ana", end.pictures[0].image.content)
    second.submit("ana", done, back)
    assert back.events[-1] == end
    with pytest.raises(tools.Refusal):
        second.submit("ana", tools.new_job(id=done.id, prompt="another"), back)
    await second.close()


async def test_closing_ends_every_job_with_a_clear_word(desk, hand, ana, tools):
    jobs = [tools.new_job(), tools.new_job()]
    receives, _ = tools.job_with_image()
    for job in (*jobs, receives):
        desk.submit("ana", job, ana)
    await tools.running(hand, jobs[0])
    await desk.close()
    for job in (*jobs, receives):
        (end,) = ana.ends(job.id)
        assert end.failure.code == "server_stopping"
    with pytest.raises(tools.Refusal):
        desk.submit("ana", tools.new_job(), ana)


async def test_a_plan_that_never_comes_does_not_hold_up_closing(hand, tmp_path, tools, monkeypatch):
    monkeypatch.setattr("backend.jobs.desk.CLOSE_SECONDS", 0.05)

    async def no_plan(job):
        await asyncio.Event().wait()

    desk = Desk(hand, no_plan, Spool(tmp_path), Limits())
    await desk.start()
    ana = tools.Listener()
    desk.attach("ana", ana)
    job = tools.new_job()
    desk.submit("ana", job, ana)
    await tools.until(lambda: desk.running)
    await desk.close()
    (end,) = ana.ends(job.id)
    assert end.failure.code == "server_stopping"


async def test_a_slow_disk_takes_no_end_away_when_closing(hand, tmp_path, tools, monkeypatch):
    monkeypatch.setattr("backend.jobs.desk.CLOSE_SECONDS", 0.05)
    may_write = threading.Event()
    write = spool_file.write

    def slow(*arguments):
        may_write.wait(10)
        write(*arguments)

    monkeypatch.setattr(spool_file, "write", slow)
    desk = Desk(hand, tools.plan_of, Spool(tmp_path), Limits())
    await desk.start()
    ana = tools.Listener()
    desk.attach("ana", ana)
    job = tools.new_job()
    desk.submit("ana", job, ana)
    await tools.running(hand, job)
    hand.finish()
    await tools.until(lambda: desk.kept)
    asyncio.get_running_loop().call_later(0.2, may_write.set)
    await desk.close()
    assert [type(end) for end in ana.ends(job.id)] == [Done]
