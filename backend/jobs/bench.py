"""Where one job is worked on: planned, painted, and painted once more where its worker was lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from backend.executors.interface import Executor
from backend.plan import Plan, PlanError
from protocol import Cancelled, Failed, Job, Preview, Progress

from . import failures
from .attachments import Attachments
from .painting import Outcome, paint, with_note
from .readers import Reader, Readers
from .record import Record

log = logging.getLogger(__name__)

WORKER_LOST: Final = "worker_lost"
"""Code of a failure after which a job is painted once more, with a new worker."""

PAINTED_ANEW: Final = (
    "The painting process was lost in the middle of the work, so this was painted anew by another one."
)

Planner = Callable[[Job], Awaitable[Plan]]
"""Makes a plan of a job; raises PlanError."""


class Bench:
    """Works on one job after the other; once `closing` is set, on none any more."""

    def __init__(
        self,
        executor: Executor,
        planner: Planner,
        attachments: Attachments,
        readers: Readers,
        closing: asyncio.Event,
    ) -> None:
        self._executor = executor
        self._planner = planner
        self._attachments = attachments
        self._readers = readers
        self._closing = closing

    async def work_on(self, record: Record) -> Outcome:
        """Plan a job and have it painted. Never raises but when it is cancelled itself."""
        job = record.job
        try:
            contents = self._attachments.of(record.owner, job.rasters)
            plan = await self._planner(job)
        except PlanError as error:
            return Outcome(Failed(job.id, error.failure))
        except Exception:
            log.exception("job %s: planning it raised", job.id)
            return Outcome(Failed(job.id, failures.EXECUTOR_FAULT))
        if record.cancelled:
            return Outcome(Cancelled(job.id))
        if self._closing.is_set():
            return Outcome(Failed(job.id, failures.SERVER_STOPPING))
        watcher = _Onlooker(record, lambda: self._readers.of(record.owner))
        outcome = await paint(plan, contents, self._executor, watcher)
        if self._may_begin_anew(record, outcome):
            log.warning("job %s: its worker was lost; it is painted once more", job.id)
            outcome = with_note(await paint(plan, contents, self._executor, watcher), PAINTED_ANEW)
        if not isinstance(outcome.end, Failed):
            return outcome
        if self._closing.is_set():
            return Outcome(Failed(job.id, failures.SERVER_STOPPING))
        return Outcome(Cancelled(job.id)) if record.cancelled else outcome

    def _may_begin_anew(self, record: Record, outcome: Outcome) -> bool:
        """Return whether a lost worker was all that went wrong. Once: a picture that kills each worker must not do so for ever."""
        lost = isinstance(outcome.end, Failed) and outcome.end.failure.code == WORKER_LOST
        return lost and not record.cancelled and not self._closing.is_set()


class _Onlooker:
    """Passes on what is heard of a running job."""

    def __init__(self, record: Record, readers: Callable[[], Iterable[Reader]]) -> None:
        self._record = record
        self._readers = readers

    def told(self, progress: Progress) -> None:
        self._record.progress = progress
        for reader in self._readers():
            reader.tell(progress)

    def shown(self, preview: Preview, content: bytes) -> None:
        for reader in self._readers():
            reader.show(preview, content)
