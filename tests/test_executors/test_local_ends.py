"""A plan has exactly one end: finished, failed, stopped, or the executor closed in the midst of it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import aclosing

import pytest
from worker_runs import PIXELS, content, until_painting

from backend.executors import local as local_module
from backend.plan import Finished, Stopped, WentWrong


@pytest.mark.parametrize("conduct", ["until_cancelled", "until_cancelled_silently"])
async def test_cancel_in_mid_plan(executor, make_plan, conduct):
    async with aclosing(executor.run(make_plan(conduct), {})) as events:
        await until_painting(events)
        executor.cancel("a" * 32)
        executor.cancel("a" * 32)
        assert [event async for event in events] == [Stopped()]


async def test_cancel_of_another_job_changes_nothing(executor, make_plan, monkeypatch):
    monkeypatch.setattr(local_module, "CANCEL_GRACE", 0.1)
    executor.cancel("b" * 32)
    async with aclosing(executor.run(make_plan("until_cancelled"), {})) as events:
        await until_painting(events)
        executor.cancel("b" * 32)
        following = asyncio.ensure_future(anext(events))
        # the worker takes orders in turn: what follows a cancel that was heeded would be an end
        done, _ = await asyncio.wait({following}, timeout=0.3)
        assert not done
        executor.cancel("a" * 32)
        assert await following == Stopped()


async def test_a_cancel_does_not_reach_the_same_job_run_again(executor, make_plan, collect):
    async with aclosing(executor.run(make_plan("until_cancelled"), {})) as events:
        await until_painting(events)
        executor.cancel("a" * 32)
        assert [event async for event in events] == [Stopped()]
    plan = make_plan("echo", PIXELS)
    assert isinstance((await collect(executor, plan, content(plan, PIXELS)))[-1], Finished)


async def test_cancel_while_the_worker_starts_ends_at_once_and_keeps_it(make_executor, make_plan, collect, tmp_path):
    executor = make_executor("slow")
    running = asyncio.ensure_future(collect(executor, make_plan("echo")))
    while executor.pid is None:
        await asyncio.sleep(0.01)
    pid = executor.pid
    executor.cancel("a" * 32)
    assert await running == [Stopped()]
    assert executor.state == "starting"
    (tmp_path / "go").touch()
    assert (await collect(executor, make_plan("two_ends")))[0].step == pid


async def test_a_worker_that_does_not_stop_is_killed_and_counts_as_stopped(
    executor, make_plan, collect, monkeypatch, is_gone, eventually
):
    monkeypatch.setattr(local_module, "CANCEL_GRACE", 0.2)
    async with aclosing(executor.run(make_plan("deaf"), {})) as events:
        await until_painting(events)
        pid = executor.pid
        executor.cancel("a" * 32)
        assert [event async for event in events] == [Stopped()]
    await eventually(lambda: is_gone(pid))
    assert isinstance((await collect(executor, make_plan("two_ends")))[-1], Finished)


async def test_the_grace_of_a_cancel_ends_with_its_plan(executor, make_plan, monkeypatch):
    monkeypatch.setattr(local_module, "CANCEL_GRACE", 0.2)
    async with aclosing(executor.run(make_plan("until_cancelled"), {})) as events:
        await until_painting(events)
        executor.cancel("a" * 32)
        assert [event async for event in events] == [Stopped()]
    pid = executor.pid
    await asyncio.sleep(0.4)
    assert executor.pid == pid


async def test_only_the_first_end_counts(executor, make_plan, collect):
    assert (await collect(executor, make_plan("two_ends")))[1:] == [Finished(("the first",))]
    # and the second is not the next plan's
    assert isinstance((await collect(executor, make_plan("without_end")))[-1], WentWrong)


@pytest.mark.parametrize(
    ("prompt", "code", "says"),
    [
        ("raising memory", "out_of_memory", "not enough memory"),
        ("raising a flag", "engine_fault", "ValueError: told to raise: a flag"),
        ("without_end", "engine_fault", "without a result"),
    ],
)
async def test_a_fault_of_the_engine_ends_the_plan_and_not_the_worker(executor, make_plan, collect, prompt, code, says):
    first, end = await collect(executor, make_plan(prompt))
    assert end.failure.code == code
    assert says in end.failure.happened
    assert executor.pid == first.step


@pytest.mark.parametrize("conduct", ["until_cancelled", "deaf", "hogging"])
async def test_close_in_mid_plan_ends_worker_and_plan(executor, make_plan, monkeypatch, is_gone, conduct):
    if conduct == "hogging":
        monkeypatch.setattr(local_module, "CLOSE_GRACE", 0.2)
    async with aclosing(executor.run(make_plan(conduct), {})) as events:
        await until_painting(events)
        pid = executor.pid
        await executor.close()
        assert is_gone(pid)
        (end,) = [event async for event in events]
    assert end.failure.code == "worker_closed"


async def test_close_of_an_idle_worker_is_quick(executor, make_plan, collect, is_gone):
    pid = (await collect(executor, make_plan("two_ends")))[0].step
    async with asyncio.timeout(1):
        await executor.close()
    assert is_gone(pid)


async def test_close_while_starting(make_executor, make_plan, collect):
    executor = make_executor("hanging")
    running = asyncio.ensure_future(collect(executor, make_plan("echo")))
    while executor.pid is None:
        await asyncio.sleep(0.01)
    await executor.close()
    assert executor.state == "stopped"
    (end,) = await running
    assert end.failure.code == "worker_closed"


async def test_close_of_a_worker_that_reads_nothing(executor, make_plan, collect, monkeypatch, is_gone):
    monkeypatch.setattr(local_module, "CLOSE_GRACE", 0.2)
    pid = (await collect(executor, make_plan("two_ends")))[0].step
    os.kill(pid, signal.SIGSTOP)
    data = bytes(8 * 1024 * 1024)
    plan = make_plan("echo", data)
    running = asyncio.ensure_future(collect(executor, plan, content(plan, data)))
    while executor.state != "busy" or executor._turn.worker is None:
        await asyncio.sleep(0.01)
    await executor.close()
    assert is_gone(pid)
    assert (await running)[-1].failure.code == "worker_closed"


async def test_close_is_final_and_may_come_twice(executor, make_plan, collect):
    await executor.close()
    await executor.close()
    await executor.start()
    (end,) = await collect(executor, make_plan("echo"))
    assert end.failure.code == "worker_closed"
    assert executor.state == "stopped"
    assert executor.pid is None


async def test_close_at_once_after_start_leaves_no_process(executor):
    await executor.start()
    await executor.close()
    assert executor.state == "stopped"


async def test_no_thread_is_left(executor, make_plan, collect, eventually):
    before = set(threading.enumerate())
    await collect(executor, make_plan("two_ends"))
    await executor.close()
    await eventually(lambda: set(threading.enumerate()) <= before)
