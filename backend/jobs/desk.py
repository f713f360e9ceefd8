"""Where jobs are handed in and given out: every job that is taken here has exactly one end, whatever happens.

Jobs belong to an owner, an installation, and to no connection: their owner's connections, its readers, come and go.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from backend.executors.interface import Executor
from protocol import (
    Accepted,
    Cancelled,
    End,
    Failed,
    Job,
    Jobs,
    JobState,
    JobStatus,
    Limits,
    Queued,
)

from . import failures
from .admission import check_admission
from .attachments import Attachments
from .bench import Bench, Planner
from .failures import Refusal
from .queue import FairQueue, JobKey
from .readers import Reader, Readers
from .record import Record, digest
from .spool import Spool
from .spool_file import EndedJob

log = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 10.0
"""For the running job to end once its executor is closed. That kills its worker after a few seconds; only a plan that
waits for a disk which does not answer can take longer."""


class Desk:
    """Takes jobs, has them painted one after the other, and keeps their ends. To be used from one event loop."""

    def __init__(
        self,
        executor: Executor,
        planner: Planner,
        spool: Spool,
        limits: Limits,
        attachments: Attachments | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._executor = executor
        self._spool = spool
        self._limits = limits
        self._attachments = attachments or Attachments()
        self._clock = clock
        self._queue = FairQueue()
        self._records: dict[JobKey, Record] = {}
        self._readers = Readers()
        self._running: Record | None = None
        self._work = asyncio.Event()
        self._dispatcher: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()
        self._bench = Bench(executor, planner, self._attachments, self._readers, self._closing)

    async def start(self) -> None:
        """Find the ends that an earlier run has left, and begin to work."""
        await asyncio.to_thread(self._spool.load)
        self._dispatcher = asyncio.create_task(self._dispatch(), name="dispatch jobs")

    async def close(self) -> None:
        """End every job with a clear word and close the executor. What is submitted from now on is refused."""
        self._closing.set()
        # at once, so that nobody is told of places that no longer mean anything
        self._queue = FairQueue()
        for record in [record for record in self._records.values() if record is not self._running]:
            self._end_soon(record, Failed(record.job.id, failures.SERVER_STOPPING))
        try:
            await self._executor.close()
        except Exception:
            log.exception("the executor could not be closed")
        self._work.set()
        if self._dispatcher is not None:
            await self._end_dispatch(self._dispatcher)
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _end_dispatch(self, dispatcher: asyncio.Task[None]) -> None:
        done, _ = await asyncio.wait({dispatcher}, timeout=CLOSE_SECONDS)
        if done:
            return
        if self._running is not None and self._running.over:
            # only the disk is slow: the job has its end already
            await dispatcher
            return
        dispatcher.cancel()
        await asyncio.wait({dispatcher})
        if self._running is not None and self._running.key in self._records:
            await self._end(self._running, Failed(self._running.job.id, failures.SERVER_STOPPING), {})

    @property
    def waiting(self) -> int:
        """Number of jobs that wait, those included whose attachments are still on their way."""
        return len(self._records) - self.running

    @property
    def running(self) -> int:
        """Number of jobs that run."""
        return int(self._running is not None)

    @property
    def kept(self) -> int:
        """Number of ends that nobody has acknowledged."""
        return len(self._spool)

    def attach(self, owner: str, reader: Reader) -> None:
        """Tell this reader, too, of all that happens to the owner's jobs."""
        self._readers.attach(owner, reader)

    def detach(self, owner: str, reader: Reader) -> None:
        """Forget a reader. Its jobs go on, but for those whose attachments it can no longer bring: these were never taken."""
        self._readers.detach(owner, reader)
        for record in [record for record in self._records.values() if record.source is reader]:
            if record.state == "receiving" and not record.over:
                del self._records[record.key]
                self._attachments.release(owner, record.job.rasters)

    def submit(self, owner: str, job: Job, reader: Reader) -> None:
        """Take a job, or tell again where one of the same id is. Raises Refusal."""
        key = JobKey(owner, job.id)
        record = self._records.get(key)
        ended = self._spool.find(key)
        if (record is not None and record.job != job) or (ended is not None and ended.digest != digest(job)):
            raise Refusal(failures.ID_IN_USE)
        if record is not None:
            self._tell_again(record, reader)
        elif ended is not None:
            reader.tell(ended.end)
        else:
            self._take(Record(owner, job, reader))

    def arrived(self, owner: str, name: str, data: bytes) -> None:
        """Take an attachment that one of the owner's readers was asked for."""
        self._attachments.arrived(owner, name, data)
        for record in [record for record in self._records.values() if record.owner == owner]:
            if name in record.missing:
                record.missing.discard(name)
                self._enqueue_if_whole(record)

    def cancel(self, owner: str, job_id: str, reader: Reader) -> None:
        """End a job of this owner, within one step if it runs. Raises Refusal when it is not known."""
        record = self._records.get(JobKey(owner, job_id))
        if record is None:
            ended = self._spool.find(JobKey(owner, job_id))
            if ended is None:
                raise Refusal(failures.UNKNOWN_JOB)
            reader.tell(ended.end)
            return
        record.cancelled = True
        if record.state == "running":
            self._executor.cancel(job_id)
        else:
            self._end_soon(record, Cancelled(job_id))

    def query(self, owner: str, job_ids: Iterable[str], reader: Reader) -> None:
        """Tell where these jobs are, then the ends of those that have ended, and how far the others are."""
        keys = [JobKey(owner, job_id) for job_id in job_ids]
        reader.tell(Jobs(tuple(JobStatus(key.id, self._state(key)) for key in keys)))
        for key in dict.fromkeys(keys):
            record = self._records.get(key)
            ended = self._spool.find(key)
            if record is not None and record.state != "receiving":
                reader.tell(record.progress or Queued(key.id, record.place))
            elif record is None and ended is not None:
                reader.tell(ended.end)

    def acknowledge(self, owner: str, job_id: str) -> None:
        """Forget an end that has arrived; one that is not known is forgotten already. Raises Refusal before the end."""
        key = JobKey(owner, job_id)
        if key in self._records:
            raise Refusal(failures.NOT_ENDED)
        self._spool.drop(key)

    def content(self, owner: str, name: str) -> bytes | None:
        """Return the bytes of a picture that this owner has been told of and has not acknowledged."""
        return self._spool.content(owner, name)

    def lying(self, owner: str, name: str) -> tuple[Path, int] | None:
        """Return in which file such a picture lies, and from where on; None where it is in memory only."""
        return self._spool.lying(owner, name)

    def _take(self, record: Record) -> None:
        if self._closing.is_set():
            raise Refusal(failures.SERVER_STOPPING)
        own = sum(other.owner == record.owner for other in self._records.values())
        check_admission(record.job, self._limits, own, len(self._records))
        missing = self._attachments.hold(record.owner, record.job.rasters)
        self._records[record.key] = record
        record.missing = {raster.content for raster in missing}
        if missing:
            record.source.ask(missing)
        self._enqueue_if_whole(record)

    def _tell_again(self, record: Record, reader: Reader) -> None:
        if record.over:
            return
        if record.state == "receiving":
            record.source = reader
            reader.ask([raster for raster in record.job.rasters if raster.content in record.missing])
        else:
            reader.tell(Accepted(record.job.id, record.place))
            if record.progress is not None:
                reader.tell(record.progress)

    def _enqueue_if_whole(self, record: Record) -> None:
        if record.missing or record.state != "receiving":
            return
        record.state = "queued"
        self._queue.add(record.key)
        self._number_places(quiet=record)
        self._readers.tell(record.owner, Accepted(record.job.id, record.place))
        self._work.set()

    def _number_places(self, quiet: Record | None = None) -> None:
        """Tell every waiting job whose place has changed, but for `quiet`."""
        for place, key in enumerate(self._queue.order()):
            record = self._records[key]
            if record.place != place:
                record.place = place
                if record is not quiet:
                    self._readers.tell(record.owner, Queued(key.id, place))

    def _state(self, key: JobKey) -> JobState:
        record = self._records.get(key)
        if record is not None:
            return record.state
        ended = self._spool.find(key)
        return ended.state if ended is not None else "unknown"

    async def _dispatch(self) -> None:
        while not self._closing.is_set():
            key = self._queue.take()
            if key is None:
                self._work.clear()
                await self._work.wait()
                continue
            record = self._running = self._records[key]
            record.state, record.place = "running", 0
            self._number_places()
            outcome = await self._bench.work_on(record)
            record.over = True
            self._release(record)
            await self._end(record, outcome.end, outcome.contents)
            self._running = None

    def _end_soon(self, record: Record, end: End) -> None:
        """End a job that does not run."""
        if record.over:
            return
        record.over = True
        if self._queue.remove(record.key):
            self._number_places()
        self._release(record)
        task = asyncio.create_task(self._end(record, end, {}))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _release(self, record: Record) -> None:
        """Let go of a job's attachments, at once: whoever cancels has stopped sending them, and may ask for them anew."""
        self._attachments.release(record.owner, record.job.rasters)
        wanted = {
            name
            for other in self._records.values()
            if other.source is record.source and not other.over
            for name in other.missing
        }
        given_up = sorted(record.missing - wanted)
        record.missing = set()
        if given_up:
            record.source.forget(given_up)

    async def _end(self, record: Record, end: End, contents: Mapping[str, bytes]) -> None:
        ended = await self._spool.put(EndedJob(record.owner, digest(record.job), self._clock(), end), contents)
        del self._records[record.key]
        log.info("job %s: %s", end.id, ended.summary)
        self._readers.tell(record.owner, ended.end)
