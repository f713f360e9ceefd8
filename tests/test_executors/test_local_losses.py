"""A worker that is killed, crashes or is left alone: one clear failure, and a new worker for the next plan."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing

import pytest
from worker_runs import PIXELS, content, until_painting

from backend.executors import process
from backend.executors.process import MAX_UNHEARD
from backend.plan import Finished, PictureMade, PlanEnd, Stepped

PATIENCE = 60.0
"""Seconds after which a broken test gives up."""


async def test_killed_in_mid_step_is_one_clear_failure_and_a_new_worker(
    executor, make_plan, collect, eventually, is_gone
):
    async with aclosing(executor.run(make_plan("deaf"), {})) as events:
        await until_painting(events)
        pid = executor.pid
        os.kill(pid, signal.SIGKILL)
        (end,) = [event async for event in events]
    assert end.failure.code == "worker_lost"
    assert "was killed, perhaps because memory ran out" in end.failure.happened
    assert is_gone(pid)
    # the new one does not wait for the next plan
    await eventually(lambda: executor.state == "ready")
    assert executor.pid != pid
    plan = make_plan("echo", PIXELS)
    assert isinstance((await collect(executor, plan, content(plan, PIXELS)))[-1], Finished)


async def test_killed_while_pictures_travel_both_ways(executor, make_plan):
    data = bytes(32 * 1024 * 1024)
    plan = make_plan("echo", data, count=16)
    ends = []
    async for event in executor.run(plan, content(plan, data)):
        if isinstance(event, PictureMade):
            assert event.content == data
            if event.index == 1:
                os.kill(executor.pid, signal.SIGKILL)
        elif not isinstance(event, Stepped):
            ends.append(event)
    (end,) = ends
    assert "was killed, perhaps because memory ran out" in end.failure.happened


async def test_killed_while_idle_the_next_plan_does_not_notice(executor, make_plan, collect, eventually, is_gone):
    first = await collect(executor, make_plan("two_ends"))
    os.kill(executor.pid, signal.SIGKILL)
    await eventually(lambda: executor.state == "stopped")
    assert is_gone(first[0].step)
    second = await collect(executor, make_plan("two_ends"))
    assert second[-1] == first[-1]
    assert second[0].step != first[0].step


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("leaving 7", "ended (exit status 7) in the middle of the work"),
        ("babbling", "said something that is not understood"),
        ("losing_its_device", "The graphics card stopped answering"),
    ],
)
async def test_other_losses_say_what_happened(executor, make_plan, collect, prompt, says):
    end = (await collect(executor, make_plan(prompt)))[-1]
    assert end.failure.code == "worker_lost"
    assert says in end.failure.happened
    assert isinstance((await collect(executor, make_plan("two_ends")))[-1], Finished)


async def test_a_crash_names_its_signal(executor, make_plan):
    async with aclosing(executor.run(make_plan("deaf"), {})) as events:
        await until_painting(events)
        os.kill(executor.pid, signal.SIGSEGV)
        (end,) = [event async for event in events]
    assert "crashed (SIGSEGV)" in end.failure.happened
    # where it was in native code is in the log
    log = executor._log.read_text()
    assert "Segmentation fault" in log
    assert "plain_worker.py" in log


async def test_a_child_of_the_worker_does_not_hold_its_pipes(executor, make_plan, is_gone):
    async with aclosing(executor.run(make_plan("with_child"), {})) as events:
        child = (await until_painting(events)).step
        try:
            os.kill(executor.pid, signal.SIGKILL)
            async with asyncio.timeout(10):
                (end,) = [event async for event in events]
            assert not is_gone(child)
        finally:
            os.kill(child, signal.SIGKILL)
    assert end.failure.code == "worker_lost"


async def test_a_run_that_is_left_ends_its_worker(executor, make_plan, collect, eventually, is_gone):
    async with aclosing(executor.run(make_plan("deaf"), {})) as events:
        await until_painting(events)
        pid = executor.pid
    await eventually(lambda: is_gone(pid))
    events = await collect(executor, make_plan("two_ends"))
    assert events[0].step != pid
    assert events[-1] == Finished(("the first",))


async def test_there_are_never_two_workers(executor, make_plan, monkeypatch, is_gone):
    pids, alive, command = [], [], executor.command

    def looking_around():
        alive.append([pid for pid in pids if not is_gone(pid)])
        return command()

    monkeypatch.setattr(executor, "command", looking_around)
    for _ in range(3):
        async with aclosing(executor.run(make_plan("deaf"), {})) as events:
            await until_painting(events)
            pids.append(executor.pid)
    assert alive == [[], [], []]


async def test_a_run_that_is_left_with_pictures_unheard_ends_its_worker(executor, make_plan, collect, eventually):
    async with aclosing(executor.run(make_plan("stripes 1000"), {})) as events:
        async for event in events:
            if isinstance(event, PictureMade):
                break
        # the thread that reads waits for somebody to hear it
        await eventually(lambda: executor._worker._inbox.qsize() == MAX_UNHEARD)
    assert isinstance((await collect(executor, make_plan("two_ends")))[-1], Finished)


async def test_memory_that_does_not_suffice_for_a_picture_ends_its_worker_and_no_more(
    executor, make_plan, collect, monkeypatch
):
    read, lost = process.read_frame, []

    def too_large(stream):
        frame = read(stream)
        if frame is not None and frame.attachments and not lost:
            lost.append(frame)
            raise MemoryError
        return frame

    monkeypatch.setattr(process, "read_frame", too_large)
    plan = make_plan("echo", PIXELS)
    ends = [event for event in await collect(executor, plan, content(plan, PIXELS)) if isinstance(event, PlanEnd)]
    assert [end.failure.code for end in ends] == ["worker_lost"]
    assert "could not be heard any more (MemoryError())" in ends[0].failure.happened
    assert isinstance((await collect(executor, plan, content(plan, PIXELS)))[-1], Finished)
    async with asyncio.timeout(PATIENCE):
        await executor.close()
