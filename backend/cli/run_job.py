"""Run one job on the backend, from submit to its end, and show how it goes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping

from backend.cli.problem import EXIT_FAILED, EXIT_INTERRUPTED, Problem
from backend.cli.progress import JobDisplay
from backend.client import Client, Lost, Reach, Unreachable
from protocol import Cancelled, Failed, Failure, Job, ListModels, ModelInfo, Models, PreviewPicture, Result, Welcome

CLIENT_NAME = "scumble command line"

Keep = Callable[[Result], None]
"""Puts a result where it is safe. Only after it returns is the backend told to forget the result."""


async def run_job(
    reach: Reach,
    make_job: Callable[[tuple[ModelInfo, ...]], tuple[Job, Mapping[str, bytes]]],
    keep: Keep,
    display: JobDisplay,
    on_preview: Callable[[PreviewPicture], None],
) -> None:
    """Connect, make the job for the models that are there, wait for its end and keep its result.

    Raises Problem when there is no result. Ctrl+C cancels the job, and waits for the backend to say so.
    """
    # A run of the command is an installation of its own: its jobs are nobody else's.
    async with Client(reach, secrets.token_hex(16), CLIENT_NAME) as client:
        job: Job | None = None
        interrupted = False

        def interrupt() -> None:
            nonlocal interrupted
            interrupted = True
            if job is None:
                raise KeyboardInterrupt
            display.say("Cancelling ...")
            client.cancel(job.id)

        with _on_interrupt(interrupt):
            try:
                async for news in client.news():
                    if isinstance(news, Welcome) and job is None:
                        client.request(ListModels())
                    elif isinstance(news, Models) and job is None:
                        job, attachments = make_job(news.models)
                        client.submit(job, attachments)
                    elif isinstance(news, (Result, Failed, Cancelled)):
                        if isinstance(news, Result):
                            keep(news)
                        client.acknowledge(news.done.id if isinstance(news, Result) else news.id)
                        await client.flushed()
                        return _raise_unless_result(news, interrupted)
                    elif isinstance(news, Lost):
                        display.say("The connection to the backend is lost; connecting again ...")
                    elif isinstance(news, PreviewPicture):
                        on_preview(news)
                    else:
                        display.show(news)
            except Unreachable as error:
                raise Problem(error.failure) from error


def _raise_unless_result(end: Result | Failed | Cancelled, interrupted: bool) -> None:
    if isinstance(end, Failed):
        raise Problem(end.failure)
    if isinstance(end, Cancelled):
        code = EXIT_INTERRUPTED if interrupted else EXIT_FAILED
        raise Problem(Failure("cancelled", "The job was cancelled.", "Nothing was written."), code)


@contextlib.contextmanager
def _on_interrupt(act: Callable[[], None]) -> Iterator[None]:
    """Have Ctrl+C call `act` in the event loop, where the platform can do that."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(signal.SIGINT, act)
    except NotImplementedError:
        # Windows: the default KeyboardInterrupt ends the command, and the backend cancels nothing
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
