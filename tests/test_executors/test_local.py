"""A worker process of its own: it starts, runs one plan after the other, and brings pictures back to the bit."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing

import pytest
from worker_runs import PIXELS, content, until_painting

from backend.executors import Executor, LocalProcess
from backend.executors import local as local_module
from backend.executors.process import MAX_UNHEARD
from backend.plan import Finished, PictureMade, Stopped, WentWrong


async def test_pixels_come_back_to_the_bit(executor: Executor, make_plan, collect):
    plan = make_plan("echo", PIXELS, count=3)
    loading, *pictures, end = await collect(executor, plan, content(plan, PIXELS))
    assert loading.stage == "loading"
    assert [made.index for made in pictures] == [0, 1, 2]
    assert {made.content for made in pictures} == {PIXELS}
    assert end == Finished(("echoed",))


async def test_a_picture_larger_than_every_pipe_comes_back_to_the_bit(executor, make_plan, collect):
    data = os.urandom(64 * 1024 * 1024)
    plan = make_plan("echo", data)
    _, made, end = await collect(executor, plan, content(plan, data))
    assert isinstance(end, Finished)
    assert made.content == data


async def test_states_and_device(executor, make_plan, collect, eventually):
    assert (executor.state, executor.device, executor.pid) == ("stopped", None, None)
    await executor.start()
    assert executor.state == "starting"
    await eventually(lambda: executor.state == "ready")
    assert executor.device.name == "plain"
    async with aclosing(executor.run(make_plan("until_cancelled"), {})) as events:
        await until_painting(events)
        assert executor.state == "busy"
        executor.cancel("a" * 32)
        assert [event async for event in events] == [Stopped()]
    assert executor.state == "ready"
    await executor.close()
    assert (executor.state, executor.pid) == ("stopped", None)


async def test_the_worker_stays_for_the_next_plan(executor, make_plan, collect):
    first = await collect(executor, make_plan("without_end"))
    second = await collect(executor, make_plan("without_end"))
    assert first[0].step == second[0].step == executor.pid


async def test_two_plans_at_once_are_refused(executor, make_plan):
    async with aclosing(executor.run(make_plan("until_cancelled"), {})) as events:
        await until_painting(events)
        with pytest.raises(RuntimeError, match="one plan at a time"):
            await anext(executor.run(make_plan("echo"), {}))
        executor.cancel("a" * 32)
        assert [event async for event in events] == [Stopped()]


async def test_a_missing_content_is_an_error_and_harms_nothing(executor, make_plan, collect):
    with pytest.raises(KeyError):
        await collect(executor, make_plan("echo", PIXELS))
    assert isinstance((await collect(executor, make_plan("two_ends")))[-1], Finished)


async def test_a_plan_too_large_for_a_frame_fails_and_harms_nothing(executor, make_plan, collect):
    (end,) = await collect(executor, make_plan("echo " + "x" * 5_000_000))
    assert end.failure.code == "plan_too_large"
    assert isinstance((await collect(executor, make_plan("two_ends")))[-1], Finished)


async def test_next_plan_may_come_as_soon_as_the_end_is_told(executor, make_plan):
    async for event in executor.run(make_plan("two_ends"), {}):
        if isinstance(event, Finished):
            ends = [inner async for inner in executor.run(make_plan("without_end"), {})]
    assert isinstance(ends[-1], WentWrong)


async def test_a_slow_listener_gets_every_picture_in_order(executor, make_plan):
    numbers = []
    async for event in executor.run(make_plan("stripes 60"), {}):
        if isinstance(event, PictureMade):
            await asyncio.sleep(0.002)
            assert executor._worker._inbox.qsize() <= MAX_UNHEARD
            numbers.append(int.from_bytes(event.content[:4], "big"))
    assert numbers == list(range(60))


async def test_a_worker_that_cannot_start_says_why_and_is_tried_once_a_run(make_executor, make_plan, collect):
    executor = make_executor("broken")
    for attempt in range(1, 4):
        (end,) = await collect(executor, make_plan("echo"))
        assert end.failure.code == "worker_not_started"
        assert "ModuleNotFoundError: No module named 'no_such_module_anywhere'" in end.failure.happened
        assert str(executor._log) in end.failure.remedy
        assert executor.state == "stopped"
        assert executor._log.read_text().count("ModuleNotFoundError") == attempt


async def test_a_worker_that_is_never_ready_is_given_up(make_executor, make_plan, collect, monkeypatch):
    monkeypatch.setattr(local_module, "START_GRACE", 0.5)
    executor = make_executor("hanging")
    (end,) = await collect(executor, make_plan("echo"))
    assert end.failure.code == "worker_not_started"
    assert executor.state == "stopped"


async def test_a_log_that_cannot_be_written_is_a_clear_failure(tmp_path, make_plan, collect):
    (tmp_path / "file").touch()
    executor = LocalProcess(tmp_path, tmp_path / "file" / "worker.log")
    (end,) = await collect(executor, make_plan("echo"))
    assert end.failure.code == "worker_not_started"
    assert str(tmp_path / "file") in end.failure.happened
    await executor.close()


async def test_start_returns_before_the_worker_runs_and_starts_one_only(executor, make_plan, collect):
    await executor.start()
    await executor.start()
    running = asyncio.ensure_future(collect(executor, make_plan("two_ends")))
    await executor.start()
    pid = (await running)[0].step
    await executor.start()
    assert executor.pid == pid
