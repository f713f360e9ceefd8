"""What the queue knows about a place where plans run, and what it hears from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from backend.plan import Plan, PlanEvent
from protocol import DeviceInfo, WorkerState


class Executor(Protocol):
    """A place where one plan runs at a time.

    `run` yields events, the last of which is Finished, Stopped or WentWrong: always exactly one of them, also when the
    worker is killed. After an end it may be called again at once; a dead worker is replaced by a new one.
    """

    @property
    def state(self) -> WorkerState:
        """What the worker does now."""
        ...

    @property
    def device(self) -> DeviceInfo | None:
        """What it runs on; None until the worker has said so."""
        ...

    async def start(self) -> None:
        """Begin to start the worker, and return at once: the first `run` waits for it."""
        ...

    def run(self, plan: Plan, contents: Mapping[str, bytes]) -> AsyncIterator[PlanEvent]:
        """Run a plan on the attachments it names, by content hash."""
        ...

    def cancel(self, job: str) -> None:
        """Ask the plan of that job to end within one step; nothing happens when another one runs."""
        ...

    async def close(self) -> None:
        """End the worker. A plan that runs ends with WentWrong."""
        ...
