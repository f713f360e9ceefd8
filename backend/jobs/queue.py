"""Who is next: one job of each client in turn, and within one client the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple


class JobKey(NamedTuple):
    """A job by its owner, an installation, and its id: what another installation calls by the same id is another job."""

    owner: str
    id: str


class FairQueue:
    """Round-robin between owners, first in first out within one.

    While a job waits, every other owner has at most one started: nobody waits for all of somebody's batch, and many who
    come once cannot keep out one who stays.
    """

    def __init__(self) -> None:
        self._lines: dict[str, deque[str]] = {}
        self._turns: list[str] = []
        self._last: str | None = None

    def __len__(self) -> int:
        """Number of waiting jobs."""
        return sum(map(len, self._lines.values()))

    def add(self, key: JobKey) -> None:
        """Put a job at the end of its owner's line."""
        if key.owner not in self._lines:
            self._lines[key.owner] = deque()
            # whoever had the last turn and has more waits until everybody has had one
            late = key.owner != self._last and self._turns[-1:] == [self._last]
            self._turns.insert(len(self._turns) - late, key.owner)
        self._lines[key.owner].append(key.id)

    def remove(self, key: JobKey) -> bool:
        """Take a job out wherever it waits. Returns whether it waited."""
        line = self._lines.get(key.owner, deque())
        if key.id not in line:
            return False
        line.remove(key.id)
        if not line:
            del self._lines[key.owner]
            self._turns.remove(key.owner)
        return True

    def take(self) -> JobKey | None:
        """Remove and return the job whose turn it is; None when none waits."""
        if not self._turns:
            return None
        owner = self._last = self._turns.pop(0)
        key = JobKey(owner, self._lines[owner].popleft())
        if self._lines[owner]:
            self._turns.append(owner)
        else:
            del self._lines[owner]
        return key

    def order(self) -> Iterator[JobKey]:
        """Yield the waiting jobs in the order in which they will start if nothing is added."""
        lines = {owner: iter(line) for owner, line in self._lines.items()}
        turns = deque(self._turns)
        while turns:
            owner = turns.popleft()
            job_id = next(lines[owner], None)
            if job_id is not None:
                yield JobKey(owner, job_id)
                turns.append(owner)
