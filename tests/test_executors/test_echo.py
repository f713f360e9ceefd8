"""The benchmarks' executor keeps the interface's promises, so that what is measured with it holds for the product's."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import random
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.executors import Executor
from backend.plan import Finished, Stepped, Stopped, WentWrong
from protocol import Bounds, Raster

spec = importlib.util.spec_from_file_location("echo", Path(__file__).parents[2] / "benchmarks" / "echo.py")
echo_module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(echo_module)
Echo = echo_module.Echo


async def test_every_seed_gets_the_image_back(make_plan, collect):
    pixels = random.Random(1).randbytes(4096)
    plan = make_plan("anything", pixels, count=2)
    executor: Executor = Echo()
    *pictures, end = await collect(executor, plan, {plan.image.content: pixels})
    assert end == Finished()
    assert [(made.index, made.picture.seed, made.content) for made in pictures] == [(0, 0, pixels), (1, 1, pixels)]
    assert executor.state == "ready"


@given(st.data(), st.sampled_from(["u8", "u16"]))
def test_the_cut_is_numpys(data, depth):
    width, height = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    result = Bounds(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
    kind = np.uint8 if depth == "u8" else np.dtype("<u2")
    whole = np.random.default_rng(0).integers(0, 255, (height, width, 4)).astype(kind)
    content = whole.tobytes()
    image = Raster(hashlib.sha256(content).hexdigest(), len(content), width, height, "rgba", depth)
    raster, cut = echo_module.echoed(image, content, result)
    assert cut == whole[y : y + result.height, x : x + result.width].tobytes()
    assert raster.content == hashlib.sha256(cut).hexdigest()
    assert raster.extent == result.extent


@pytest.mark.parametrize("closing", [False, True])
async def test_cancel_and_close_end_a_plan_in_mid_step(make_plan, closing):
    executor = Echo(pause=600)
    async with asyncio.timeout(10), aclosing(executor.run(make_plan("x"), {})) as events:
        assert await anext(events) == Stepped("painting", 0, 1, 2)
        assert executor.state == "busy"
        executor.cancel("b" * 32)
        if closing:
            await executor.close()
        else:
            executor.cancel("a" * 32)
        (end,) = [event async for event in events]
    assert isinstance(end, WentWrong if closing else Stopped)


@pytest.mark.parametrize("change", [{"order": "bgra"}, {"depth": "u16"}, {"result": Bounds(1, 0, 1024, 1)}])
async def test_what_it_cannot_echo_it_says(make_plan, collect, change):
    pixels = bytes(4096)
    plan = replace(make_plan("x", pixels), **change)
    (end,) = await collect(Echo(), plan, {plan.image.content: pixels})
    assert end.failure.code == "echo"
    (end,) = await collect(Echo(), make_plan("x"), {})
    assert end.failure.code == "echo"
