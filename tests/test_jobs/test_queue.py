from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from backend.jobs import FairQueue, JobKey


def keys(*names: str) -> list[JobKey]:
    return [JobKey(name[0], name[1:]) for name in names]


def drained(queue: FairQueue) -> list[str]:
    taken = []
    while (key := queue.take()) is not None:
        taken.append(key.owner + key.id)
    return taken


def test_owners_take_turns_whatever_one_of_them_has_submitted():
    queue = FairQueue()
    for key in keys("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
        queue.add(key)
    assert drained(queue) == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_a_newcomer_goes_before_whoever_is_painting_now():
    queue = FairQueue()
    for key in keys("a1", "a2", "a3"):
        queue.add(key)
    assert queue.take() == ("a", "1")
    queue.add(JobKey("b", "1"))
    assert drained(queue) == ["b1", "a2", "a3"]


def test_the_same_id_of_two_owners_is_two_jobs():
    queue = FairQueue()
    for key in keys("a1", "b1"):
        queue.add(key)
    assert queue.remove(JobKey("a", "1"))
    assert not queue.remove(JobKey("a", "1"))
    assert drained(queue) == ["b1"]


class Turns(RuleBasedStateMachine):
    """Against lists: first in first out within an owner, nobody passed twice, and the order that is told is the one that comes."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue()
        self.lines: dict[str, deque[str]] = {}
        self.passed: dict[str, list[str]] = {}
        self.count = 0

    @rule(owner=st.sampled_from("abcd"))
    def add(self, owner: str) -> None:
        self.count += 1
        self.queue.add(JobKey(owner, str(self.count)))
        if not self.lines.get(owner):
            self.passed[owner] = []
        self.lines.setdefault(owner, deque()).append(str(self.count))

    @rule(owner=st.sampled_from("abcd"), which=st.integers(0, 5))
    def remove(self, owner: str, which: int) -> None:
        line = self.lines.get(owner, deque())
        job_id = line[which] if which < len(line) else "none"
        assert self.queue.remove(JobKey(owner, job_id)) == (job_id != "none")
        if job_id != "none":
            line.remove(job_id)

    @rule()
    def take(self) -> None:
        foretold = next(self.queue.order(), None)
        key = self.queue.take()
        assert key == foretold
        if key is None:
            assert not any(self.lines.values())
            return
        assert self.lines[key.owner].popleft() == key.id
        for owner, line in self.lines.items():
            if owner != key.owner and line:
                assert key.owner not in self.passed[owner], f"{owner} was passed twice by {key.owner}"
                self.passed[owner].append(key.owner)
        self.passed[key.owner] = []

    @invariant()
    def counts(self) -> None:
        assert len(self.queue) == sum(map(len, self.lines.values())) == len(list(self.queue.order()))


TestTurns = Turns.TestCase
TestTurns.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 99)), unique=True))
def test_the_order_foretold_is_the_order_that_comes(jobs):
    queue = FairQueue()
    for owner, number in jobs:
        queue.add(JobKey(owner, str(number)))
    foretold = [key.owner + key.id for key in queue.order()]
    assert foretold == drained(queue)
