"""Run one job on the backend, from submit to its end, and show how it goes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping

from backend.cli.problem import EXIT_FAILED, EXIT_INTERRUPTED, Problem
from backend.cli.progress import JobDisplay
from backend.client import Client, Lost, Reach, Unreachable
from protocol import (
    Cancelled,
    Failed,
    Failure,
    Goodbye,
    Job,
    ListModels,
    ModelInfo,
    Models,
    News,
    PreviewPicture,
    Refused,
    Result,
    Welcome,
)

CLIENT_NAME = "scumble command line"

SERVER_STOPPING = "server_stopping"
"""Code of the Goodbye of a backend that somebody has stopped. Another one can be started; every other Goodbye is final."""

MakeJob = Callable[[tuple[ModelInfo, ...]], tuple[Job, Mapping[str, bytes]]]
"""Returns a job for the models that are there, and its attachments by content hash. Called on a thread; may raise Problem."""

Keep = Callable[[Result], None]
"""Puts a result where it is safe. Called on a thread; only after it returns is the backend told to forget the result."""

OnPreview = Callable[[PreviewPicture], None]


async def run_job(reach: Reach, make_job: MakeJob, keep: Keep, display: JobDisplay, on_preview: OnPreview) -> None:
    """Connect, make the job for the models that are there, wait for its end and keep its result.

    Raises Problem when there is no result. When this task is cancelled, as by Ctrl+C, the job is, and the backend's word on it
    is waited for; before there is a job, it just ends.
    """
    # A run of the command is an installation of its own: its jobs are nobody else's.
    async with Client(reach, secrets.token_hex(16), CLIENT_NAME) as client:
        run = _Run(client, make_job, display, on_preview)
        interrupted = False
        while True:
            try:
                end = await run.until_end()
                break
            except asyncio.CancelledError:
                # a second time: whoever asks will not wait for the backend's word
                if run.job is None or interrupted:
                    raise
                interrupted = True
                display.say("Cancelling ... (Ctrl+C once more leaves at once)")
                client.cancel(run.job.id)
            except Unreachable as error:
                raise Problem(error.failure) from error
        taking = asyncio.create_task(_take(client, end, keep))
        # a finished picture is written, even though Ctrl+C comes meanwhile
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(taking)
        await taking
    _raise_unless_result(end, interrupted)


class _Run:
    """One job on its way. It can be left and taken up again at any `await`."""

    def __init__(self, client: Client, make_job: MakeJob, display: JobDisplay, on_preview: OnPreview) -> None:
        self._client = client
        self._make_job = make_job
        self._display = display
        self._on_preview = on_preview
        self._connected = False
        self.job: Job | None = None

    async def until_end(self) -> Result | Failed | Cancelled:
        """Return the job's end. Raises Problem and Unreachable."""
        async for news in self._client.news():
            if isinstance(news, (Result, Failed, Cancelled)):
                return news
            if isinstance(news, Lost):
                self._lost()
            elif isinstance(news, PreviewPicture):
                self._on_preview(news)
            elif self.job is None:
                await self._begin(news)
            else:
                self._display.show(news)
            if isinstance(news, Welcome):
                self._connected = True
            elif isinstance(news, Goodbye) and news.failure.code != SERVER_STOPPING:
                raise Problem(news.failure)
        raise AssertionError("news never end without an end or an error")

    async def _begin(self, news: News) -> None:
        """Ask for the models, and submit the job that is made for them."""
        if isinstance(news, Welcome):
            # a connection that is lost again meanwhile is followed by another Welcome
            with contextlib.suppress(ConnectionError):
                self._client.request(ListModels())
        elif isinstance(news, Models):
            job, attachments = await asyncio.to_thread(self._make_job, news.models)
            self._client.submit(job, attachments)
            self.job = job
        elif isinstance(news, Refused):
            raise Problem(news.failure)

    def _lost(self) -> None:
        if self._connected:
            self._connected = False
            self._display.say("The connection to the backend is lost; connecting again ...")
            self._display.connecting()


async def _take(client: Client, end: Result | Failed | Cancelled, keep: Keep) -> None:
    """Keep a result, and tell the backend that it may forget the job."""
    if isinstance(end, Result):
        await asyncio.to_thread(keep, end)
    client.acknowledge(end.done.id if isinstance(end, Result) else end.id)
    await client.flushed()


def _raise_unless_result(end: Result | Failed | Cancelled, interrupted: bool) -> None:
    if isinstance(end, Failed):
        raise Problem(end.failure)
    if isinstance(end, Cancelled):
        code = EXIT_INTERRUPTED if interrupted else EXIT_FAILED
        raise Problem(Failure("cancelled", "The job was cancelled.", "Nothing was written."), code)
