from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
import uuid
from pathlib import Path

import pytest

from backend.families.facts import FAMILIES, Readings, facts_of_model
from backend.jobs import Desk, Refusal, Spool
from backend.plan import make_plan
from protocol import Cancelled, Done, Extent, Failed, Jobs, Limits

_spec = importlib.util.spec_from_file_location("hand", Path(__file__).with_name("hand.py"))
hand_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hand_module)
sys.modules.setdefault("hand", hand_module)

FACTS = facts_of_model(FAMILIES["sd1"], "tiny", "Tiny", Readings(64, 8, 1, 4, 77, "epsilon"))
SIDE = 16


async def plan_of(job):
    return make_plan(job, FACTS)


async def until(holds, seconds: float = 60.0):
    """Wait for a condition; the time only bounds how long a broken test hangs."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to hold"
        await asyncio.sleep(0.001)
    return found


class Listener:
    """A reader that notes what it is told."""

    def __init__(self) -> None:
        self.events = []
        self.previews = []
        self.asked = []
        self.forgotten = []

    def tell(self, event) -> None:
        self.events.append(event)

    def show(self, preview, content) -> None:
        self.previews.append((preview, content))

    def ask(self, rasters) -> None:
        self.asked += rasters

    def forget(self, names) -> None:
        self.forgotten += names

    def of(self, kind, job_id=None):
        return [
            event for event in self.events if isinstance(event, kind) and job_id in (None, getattr(event, "id", None))
        ]

    def ends(self, job_id):
        return self.of((Done, Failed, Cancelled), job_id)


def new_job(**fields):
    from protocol import Job

    fields.setdefault("id", uuid.uuid4().hex)
    return Job(extent=Extent(SIDE, SIDE), **fields)


def job_with_image(seed: int = 1, **fields):
    """A job that is painted over an image; returns it with the image's bytes."""
    content = bytes([seed % 256]) * (SIDE * SIDE * 4)
    return new_job(image=hand_module.raster_of(content, SIDE, SIDE), strength=0.5, **fields), content


def state_of(desk, owner, job_id):
    probe = Listener()
    desk.query(owner, [job_id], probe)
    return probe.of(Jobs)[0].states[0].state


@pytest.fixture
def hand():
    return hand_module.HandExecutor()


@pytest.fixture
async def desk(hand, tmp_path):
    desk = Desk(hand, plan_of, Spool(tmp_path / "spool"), Limits())
    await desk.start()
    yield desk
    await desk.close()


@pytest.fixture
def ana(desk):
    listener = Listener()
    desk.attach("ana", listener)
    return listener


@pytest.fixture
def ben(desk):
    listener = Listener()
    desk.attach("ben", listener)
    return listener


async def ended(listener, job):
    """Wait for a job's end; return it, the only one."""
    await until(lambda: listener.ends(job.id))
    (end,) = listener.ends(job.id)
    return end


async def running(hand, job):
    """Wait until the executor has a job's plan."""
    await until(lambda: hand.plan is not None and hand.plan.job == job.id)


@pytest.fixture
def tools():
    """What tests of the desk share, by name."""

    class Tools:
        pass

    found = Tools()
    found.until, found.Listener, found.new_job, found.job_with_image = until, Listener, new_job, job_with_image
    found.state_of, found.plan_of, found.Refusal, found.hand = state_of, plan_of, Refusal, hand_module
    found.ended, found.running = ended, running
    return found
