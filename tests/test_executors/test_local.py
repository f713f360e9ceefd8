from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextlib import aclosing

import pytest

from backend.executors import Executor, LocalProcess
from backend.executors import local as local_module
from backend.executors.process import MAX_UNHEARD
from backend.plan import Finished, PictureMade, Stepped, Stopped, WentWrong

PIXELS = bytes(range(256)) * 16


def content(plan, data):
    return {plan.image.content: data}


async def until_painting(events):
    async for event in events:
        if isinstance(event, Stepped) and event.stage == "painting":
            return event
    raise AssertionError("it never painted")


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


# --- ends ---------------------------------------------------------------------------------------------------------


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


# --- losses -------------------------------------------------------------------------------------------------------


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


# --- start --------------------------------------------------------------------------------------------------------


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


# --- close --------------------------------------------------------------------------------------------------------


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
