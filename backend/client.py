"""The contract's asyncio shell on the painter's side, for the command line and tests: connects, reconnects, passes frames."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from protocol import MAX_FRAME_BYTES, Failure, Job, News, Painter, ProtocolError, Request

log = logging.getLogger(__name__)

CONNECT_SECONDS = 5.0
"""For one attempt: a server on the same machine answers within milliseconds, one that starts within about a second."""

CLOSE_SECONDS = 2.0
"""For the closing handshake; a server that hangs does not hold up the end of a command."""

RECONNECT_ATTEMPTS = 8
"""In a row, without a greeting between them, before the connection is given up."""

RECONNECT_SECONDS = (0.05, 2.0)
"""First and longest pause between attempts; it doubles from one to the other."""

FLUSH_SECONDS = 0.005
"""Between two looks at whether the writer has caught up: far below what a person notices."""

NEWS_KEPT = 64
"""News that wait to be read before the socket is no longer read: the server then drops previews."""


@dataclass(frozen=True)
class Address:
    """Where a server listens, and the secret it asks for."""

    host: str
    port: int
    token: str


@dataclass(frozen=True)
class Lost:
    """The connection is gone, and is being made anew; jobs are kept."""

    reason: str


class Unreachable(Exception):
    """No connection can be made; `failure` tells the painter why and what to do."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure


Reach = Callable[[], Awaitable[Address]]
"""Finds the server, and may start one. Raises Unreachable when that cannot be."""


class Client:
    """Use as an async context manager; read `news()` in one task.

    `reach` is called before every attempt, since a restarted server has another port.
    """

    def __init__(self, reach: Reach, installation: str, name: str) -> None:
        self._reach = reach
        self._painter = Painter(installation, name, by_file=True)
        self._news: asyncio.Queue[News | Lost | Unreachable] = asyncio.Queue(NEWS_KEPT)
        self._wake = asyncio.Event()
        self._errand = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Client:
        self._task = asyncio.create_task(self._keep_connected())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def waiting(self) -> tuple[str, ...]:
        """Ids of the jobs whose end has not arrived yet."""
        return self._painter.waiting

    def submit(self, job: Job, attachments: Mapping[str, bytes]) -> None:
        """Have a job painted; see `protocol.Painter.submit`."""
        self._painter.submit(job, attachments)
        self._wake.set()

    def resume(self, job_id: str) -> None:
        """Wait for the end of a job of an earlier run."""
        self._painter.resume(job_id)
        self._wake.set()

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end."""
        self._painter.cancel(job_id)
        self._wake.set()

    def acknowledge(self, job_id: str) -> None:
        """A job's end is kept safe here."""
        self._painter.acknowledge(job_id)
        self._wake.set()

    def request(self, message: Request) -> None:
        """Send something that is about no job. Raises ConnectionError while there is no connection."""
        self._painter.request(message)
        self._wake.set()

    async def news(self) -> AsyncIterator[News | Lost]:
        """Yield what is heard, over any number of connections. Raises Unreachable when none can be made any more."""
        while True:
            item = await self._news.get()
            if isinstance(item, Unreachable):
                raise item
            yield item

    async def flushed(self) -> None:
        """Return once everything queued so far has been handed to the socket, or the connection is gone."""
        while self._painter.ready and self._wake.is_set():
            await asyncio.sleep(FLUSH_SECONDS)

    async def _keep_connected(self) -> None:
        attempt, reason = 0, ""
        while True:
            try:
                attempt = 0 if await self._one_connection() else attempt + 1
                reason = "the connection was closed"
            except Unreachable as error:
                await self._news.put(error)
                return
            except ProtocolError as error:
                await self._news.put(Unreachable(_broken(error)))
                return
            except (OSError, InvalidHandshake, TimeoutError) as error:
                attempt, reason = attempt + 1, str(error) or type(error).__name__
            except Exception as error:
                # whoever reads the news would wait for ever
                log.exception("the connection broke off")
                await self._news.put(Unreachable(_fault(error)))
                return
            if attempt >= RECONNECT_ATTEMPTS:
                await self._news.put(Unreachable(_no_answer(reason)))
                return
            await self._news.put(Lost(reason))
            first, longest = RECONNECT_SECONDS
            await asyncio.sleep(min(longest, first * 2**attempt))

    async def _one_connection(self) -> bool:
        """Hold one connection until it ends. Returns whether the server has greeted on it."""
        address = await self._reach()
        async with connect(
            f"ws://{address.host}:{address.port}/",
            additional_headers={"Authorization": f"Bearer {address.token}"},
            compression=None,
            max_size=MAX_FRAME_BYTES,
            open_timeout=CONNECT_SECONDS,
            close_timeout=CLOSE_SECONDS,
            # the server looks whether this side is there; one of its own that hangs, a person sees sooner
            ping_interval=None,
            user_agent_header=None,
            # a proxy is for the network; the token must not leave this machine
            proxy=None,
        ) as socket:
            self._painter.connected()
            self._wake.set()
            writer = asyncio.create_task(self._write(socket))
            runner = asyncio.create_task(self._run_errands(socket))
            try:
                await self._read(socket)
            except ProtocolError:
                # the Goodbye that says why
                with contextlib.suppress(ConnectionClosed):
                    while (frame := self._painter.next_frame()) is not None:
                        await socket.send(frame)
                raise
            finally:
                greeted = self._painter.ready
                self._painter.lost()
                writer.cancel()
                runner.cancel()
                await asyncio.wait({writer, runner})
            for task in (writer, runner):
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
            return greeted

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                for news in self._painter.receive(frame):
                    await self._news.put(news)
                # what was received may have queued an answer
                self._wake.set()
                self._errand.set()
        except ConnectionClosed as closed:
            log.info("connection closed: %s", closed)

    async def _run_errands(self, socket: ClientConnection) -> None:
        """Do on the disk what is due, in a thread aside, one thing after the other."""
        try:
            while True:
                self._errand.clear()
                while (errand := self._painter.next_errand()) is not None:
                    outcome = await asyncio.to_thread(errand.carry_out)
                    for news in self._painter.carried_out(errand, outcome):
                        await self._news.put(news)
                    self._wake.set()
                await self._errand.wait()
        except Exception:
            # whoever waits for these pixels would wait for ever
            socket.transport.abort()
            raise

    async def _write(self, socket: ClientConnection) -> None:
        try:
            while True:
                while (frame := self._painter.next_frame()) is not None:
                    await socket.send(frame)
                self._wake.clear()
                await self._wake.wait()
        except ConnectionClosed:
            pass
        except Exception:
            # a connection on which nothing can be said any more must not seem to be there
            socket.transport.abort()
            raise


def _broken(error: ProtocolError) -> Failure:
    return Failure(
        "protocol_error",
        f"The backend and this program do not understand each other: {error}.",
        "Update both to the same version, stop the backend with 'scumble stop', and try again.",
    )


def _fault(error: Exception) -> Failure:
    return Failure(
        "client_fault",
        f"The connection to the backend broke off: {type(error).__name__}: {error}.",
        "Try again. If it happens every time, please report it.",
    )


def _no_answer(reason: str) -> Failure:
    return Failure(
        "no_connection",
        f"The backend does not answer ({reason}).",
        "Look at 'scumble doctor' and at the backend's log; 'scumble stop' and then 'scumble serve' start it anew.",
    )
