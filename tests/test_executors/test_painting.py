"""The real worker: torch, the engine, and the model that ships inside."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import aclosing

import pytest

from backend.executors import LocalProcess
from backend.models import Library
from backend.plan import Finished, PictureMade, Plan, PreviewMade, Stepped, Stopped, WentWrong, make_plan
from protocol import Extent, Job, Style

LONG = 200
"""Steps of a plan that is not to finish."""


@pytest.fixture
def plan_of(tmp_path):
    entry = Library(tmp_path / "models").find("")

    def plan_of(steps: int) -> Plan:
        style = Style(steps=steps)
        return make_plan(
            Job(id="c" * 32, extent=Extent(64, 64), prompt="a red apple", seed=7, style=style), entry.facts
        )

    return plan_of


@pytest.fixture
async def painter(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    executor = LocalProcess(tmp_path / "models", tmp_path / "worker.log")
    yield executor
    await executor.close()


async def step_of(events, number: int) -> None:
    async for event in events:
        if isinstance(event, Stepped) and event.stage == "painting" and event.step == number:
            return
    raise AssertionError(f"step {number} never came")


async def test_it_paints_is_cancelled_is_killed_and_paints_the_same_again(painter, plan_of, tmp_path, is_gone):
    async with asyncio.timeout(300):
        first = [event async for event in painter.run(plan_of(3), {})]
        assert painter.device is not None
        assert isinstance(first[-1], Finished), first[-1]
        (picture,) = (event for event in first if isinstance(event, PictureMade))
        assert picture.picture.image.extent == Extent(64, 64)
        assert len(set(picture.content)) > 16
        steps = [event.step for event in first if isinstance(event, Stepped) and event.stage == "painting"]
        assert steps == [1, 2, 3]

        async with aclosing(painter.run(plan_of(LONG), {})) as events:
            await step_of(events, 2)
            painter.cancel("c" * 32)
            rest = [event async for event in events]
        assert rest[-1] == Stopped()
        assert len(rest) < LONG // 2
        assert all(isinstance(event, Stepped | PreviewMade) for event in rest[:-1])

        async with aclosing(painter.run(plan_of(LONG), {})) as events:
            await step_of(events, 2)
            pid = painter.pid
            os.kill(pid, signal.SIGKILL)
            end = [event async for event in events][-1]
        assert isinstance(end, WentWrong)
        assert "was killed" in end.failure.happened
        assert is_gone(pid)

        again = [event async for event in painter.run(plan_of(3), {})]
        assert painter.pid != pid
        assert again == first
    assert "Traceback" not in (tmp_path / "worker.log").read_text()
