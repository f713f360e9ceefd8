"""Submit, cancel, disconnect, reconnect, restart in any order: every job that was taken has exactly one end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from backend.jobs import Desk, Refusal, Spool
from protocol import Cancelled, Done, Failed, Jobs, Limits

KINDS = {Done: "done", Failed: "failed", Cancelled: "cancelled"}
OWNERS = st.sampled_from(["ana", "ben"])
ANY = st.integers(0, 200)


@pytest.fixture
def machine(tools):
    class Desks(RuleBasedStateMachine):
        """The desk against a table of what state each job must be in."""

        def __init__(self) -> None:
            super().__init__()
            self.loop = asyncio.new_event_loop()
            self.folder = Path(tempfile.mkdtemp())
            self.readers = {}
            self.jobs = {}
            self.contents = {}
            self.states = {}
            self.told = {}
            self.open()

        def open(self) -> None:
            self.hand = tools.hand.HandExecutor()
            self.desk = Desk(self.hand, tools.plan_of, Spool(self.folder), Limits())
            self.loop.run_until_complete(self.desk.start())
            for owner, reader in self.readers.items():
                self.desk.attach(owner, reader)

        def act(self, what, *args) -> None:
            """Do something on the loop, then wait until everything is as the table says."""

            async def do() -> None:
                result = what(*args)
                if asyncio.iscoroutine(result):
                    await result

            self.loop.run_until_complete(do())
            self.settle()

        def settle(self) -> None:
            async def settled() -> None:
                deadline = time.monotonic() + 10
                while (wrong := self.wrong()) is not None:
                    assert time.monotonic() < deadline, wrong
                    await asyncio.sleep(0)

            self.loop.run_until_complete(settled())
            for key, state in self.states.items():
                self.count_ends(key, state)

        def wrong(self):
            for (owner, job_id), wanted in self.states.items():
                state = tools.state_of(self.desk, owner, job_id)
                if state != wanted and not (wanted == "waiting" and state in ("queued", "running")):
                    return f"{job_id} is {state}, not {wanted}"
            waiting = "waiting" in self.states.values()
            return None if waiting == (self.hand.plan is not None) else "nothing runs"

        def count_ends(self, key, state) -> None:
            owner, job_id = key
            reader = self.readers.get(owner)
            ends = reader.ends(job_id) if reader else []
            assert len(ends) <= 1
            if state in KINDS.values() and key not in self.told:
                # a reader that was there when it ended has heard of it
                assert not reader or [KINDS[type(end)] for end in ends] == [state]
                self.told[key] = True

        def pick(self, which, *states):
            keys = [key for key, state in self.states.items() if state in states]
            return keys[which % len(keys)] if keys else None

        @rule(owner=OWNERS)
        def connect(self, owner) -> None:
            if owner not in self.readers:
                self.readers[owner] = tools.Listener()
                self.desk.attach(owner, self.readers[owner])

        @rule(owner=OWNERS)
        def disconnect(self, owner) -> None:
            if owner not in self.readers:
                return
            for key, state in self.states.items():
                if key[0] == owner and state == "receiving":
                    self.states[key] = "unknown"
            self.act(self.desk.detach, owner, self.readers.pop(owner))

        @rule(owner=OWNERS, fill=st.none() | st.integers(0, 3))
        def submit(self, owner, fill) -> None:
            if owner not in self.readers:
                return
            job, content = (tools.new_job(), None) if fill is None else tools.job_with_image(fill)
            key = (owner, job.id)
            self.jobs[key], self.contents[key] = job, content
            self.submit_job(key)

        @rule(which=ANY)
        def submit_again(self, which) -> None:
            key = self.pick(which, "receiving", "waiting", "done", "failed", "cancelled", "unknown")
            if key is not None and key[0] in self.readers:
                self.submit_job(key)

        def submit_job(self, key) -> None:
            owner, job = key[0], self.jobs[key]
            reader = self.readers[owner]
            known = self.states.get(key, "unknown")
            before = len(reader.ends(job.id))
            self.loop.run_until_complete(self.call(self.desk.submit, owner, job, reader))
            if known == "unknown":
                missing = (
                    any(raster.content == job.image.content for raster in reader.asked[-1:]) if job.image else False
                )
                self.states[key] = "receiving" if missing and self.is_receiving(key) else "waiting"
                self.told.pop(key, None)
                reader.events = [event for event in reader.events if getattr(event, "id", "") != job.id]
            elif known in KINDS.values():
                assert len(reader.ends(job.id)) == before + 1, "the end is told again"
                reader.events.remove(reader.ends(job.id)[-1])
            self.settle()

        def is_receiving(self, key) -> bool:
            return tools.state_of(self.desk, *key) == "receiving"

        async def call(self, what, *args):
            return what(*args)

        @rule(which=ANY)
        def deliver(self, which) -> None:
            key = self.pick(which, "receiving")
            if key is None:
                return
            name = self.jobs[key].image.content
            for other, state in self.states.items():
                if state == "receiving" and other[0] == key[0] and self.jobs[other].image.content == name:
                    self.states[other] = "waiting"
            self.act(self.desk.arrived, key[0], name, self.contents[key])

        @rule(which=ANY)
        def cancel(self, which) -> None:
            key = self.pick(which, "receiving", "waiting")
            if key is not None:
                running = self.hand.plan is not None and tools.state_of(self.desk, *key) == "running"
                assert not running or self.hand.plan.job == key[1]
                self.states[key] = "cancelled"
                self.act(self.desk.cancel, *key, tools.Listener())

        @rule(which=ANY)
        def meddle(self, which) -> None:
            key = self.pick(which, "receiving", "waiting", "done", "failed", "cancelled")
            if key is None:
                return
            with pytest.raises(Refusal):
                self.loop.run_until_complete(self.call(self.desk.cancel, "eve", key[1], tools.Listener()))
            self.act(self.desk.acknowledge, "eve", key[1])

        @rule(how=st.sampled_from(["step", "finish", "fail", "break_off", "fall_silent"]))
        def paint(self, how) -> None:
            if self.hand.plan is None:
                return
            (key,) = (k for k in self.states if self.states[k] == "waiting" and k[1] == self.hand.plan.job)
            if how == "step":
                self.act(self.hand.step, 1)
                return
            self.states[key] = "done" if how == "finish" else "failed"
            self.act(getattr(self.hand, how))

        @rule(which=ANY)
        def acknowledge(self, which) -> None:
            key = self.pick(which, "done", "failed", "cancelled")
            if key is not None:
                self.states[key] = "unknown"
                self.act(self.desk.acknowledge, *key)

        @rule(which=ANY)
        def fetch(self, which) -> None:
            key = self.pick(which, "done")
            if key is None:
                return
            probe = tools.Listener()
            self.desk.query(key[0], [key[1]], probe)
            (end,) = probe.of(Done)
            assert isinstance(probe.events[0], Jobs)
            for picture in end.pictures:
                content = tools.hand.pixels_for(picture.seed, picture.bounds)
                assert self.desk.content(key[0], picture.image.content) == content
                assert self.desk.content("eve", picture.image.content) is None

        @rule()
        def restart(self) -> None:
            for key, state in self.states.items():
                if state in ("receiving", "waiting"):
                    self.states[key] = "failed"
            self.loop.run_until_complete(self.desk.close())
            self.open()
            self.settle()

        def teardown(self) -> None:
            self.loop.run_until_complete(self.desk.close())
            for key, state in self.states.items():
                if state in ("receiving", "waiting"):
                    self.count_ends(key, "failed")
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.folder)

    return Desks


def test_every_job_has_exactly_one_end(machine):
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(machine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None))
