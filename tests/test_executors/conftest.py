from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from pathlib import Path

import psutil
import pytest

from backend.executors import LocalProcess
from backend.executors.launch import worker_command
from backend.plan import Plan
from backend.prompts import Prompt, Words
from protocol import Bounds, Extent, Raster

PLAIN_WORKER = Path(__file__).with_name("plain_worker.py")
PATIENCE = 60.0
"""Seconds after which a condition is taken never to come."""


class PlainProcess(LocalProcess):
    """The product's executor; only the program that it starts is the plain worker."""

    def command(self):
        return plain_command(self._models)


def plain_command(models: Path) -> list[str]:
    command = worker_command(models)
    at = command.index("-m")
    return [*command[:at], str(PLAIN_WORKER), *command[at + 2 :]]


@pytest.fixture
async def make_executor(tmp_path):
    made = []

    def make(models: str = "models"):
        executor = PlainProcess(tmp_path / models, tmp_path / "logs" / "worker.log")
        made.append(executor)
        return executor

    yield make
    for executor in made:
        await executor.close()


@pytest.fixture
def executor(make_executor):
    return make_executor()


@pytest.fixture
def make_plan():
    def make(prompt: str, image: bytes | None = None, job: str = "a" * 32, count: int = 1) -> Plan:
        extent, raster = Extent(64, 64), None
        if image is not None:
            raster = raster_of(image)
            extent = raster.extent
        whole = Bounds(0, 0, extent.width, extent.height)
        return Plan(
            job=job,
            model="m",
            family="f",
            words=(Words(Prompt.of(prompt)),),
            seeds=tuple(range(count)),
            extent=extent,
            crop=whole,
            size=extent,
            result=whole,
            sampler="s",
            steps=2,
            guidance=1.0,
            strength=1.0,
            image=raster,
        )

    return make


def raster_of(content: bytes) -> Raster:
    """A row, or rows, of RGBA pixels that are these bytes."""
    width = min(len(content) // 4, 4096)
    return Raster(hashlib.sha256(content).hexdigest(), len(content), width, len(content) // 4 // width, "rgba")


@pytest.fixture
def collect():
    async def collect(executor, plan, contents=None):
        async with asyncio.timeout(PATIENCE):
            return [event async for event in executor.run(plan, contents or {})]

    return collect


@pytest.fixture
def eventually():
    """Wait for a condition, from a coroutine or not."""

    async def eventually(holds, seconds: float = PATIENCE) -> float:
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, "the condition never came"
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    return eventually


@pytest.fixture
def is_gone():
    """Whether a process has ended; a zombie that its new parent has not reaped yet has."""

    def is_gone(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return is_gone


@pytest.fixture
def python() -> str:
    return sys.executable
