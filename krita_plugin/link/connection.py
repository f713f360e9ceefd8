"""Keeps a connection to the backend, for ever, in the link's thread. Knows asyncio, and nothing of Qt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

from ..bundled import protocol, websocket_client, websocket_errors, websocket_frames
from . import masking, standing
from .discovery import Found
from .launch import CannotStart, Started
from .mailbox import Mailbox
from .standing import LinkState, Standing

log = logging.getLogger(__name__)

masking.quicken(websocket_frames)

CONNECT_SECONDS: Final = 5.0
"""For one attempt: a backend on the same machine answers within milliseconds, one that starts within about a second."""

CLOSE_SECONDS: Final = 0.5
"""For the closing handshake; a backend that hangs does not hold up the end of Krita."""

FLUSH_SECONDS: Final = 0.3
"""At the end, for what has been said and has not left yet, as the acknowledgement of the last result."""

RECONNECT_SECONDS: Final = (0.05, 2.0)
"""First and longest pause between attempts; it doubles from one to the other."""

REFUSED_SECONDS: Final = 30.0
"""Between attempts at a backend that will not have us: until it is another one, which is noticed at once."""

STABLE_SECONDS: Final = 5.0
"""A connection that held for so long was a good one: the next attempts begin with the short pauses again."""

PATIENT_ATTEMPTS: Final = 3
"""Failed in a row before the painter hears of it: a backend that is just being replaced comes back within these."""

LOOK_SECONDS: Final = 0.5
"""Between two looks for a backend where none runs: reading a file that is not there."""

START_SECONDS: Final = 30.0
"""Until a started backend must listen. It takes about a second; a cold disk and a virus scanner can make it many."""

START_LOOK_SECONDS: Final = 0.05
"""Between two looks for a backend that was started just now."""

Find = Callable[[], "Found | None"]
Start = Callable[[], Started]
Room = Callable[[int], Any]
"""Makes memory for so many bytes, into which what lies on the disk is read."""


class Connection:
    """Passes frames between a `Painter` and the backend, and leaves what it hears in a `Mailbox`: News and Standing.

    All of it belongs to the event loop's thread. `find` is asked before every attempt, since a restarted backend has another
    port; `start` starts one, and is run in another thread. What is read from the disk lies in memory that `room` has made.
    """

    def __init__(
        self, painter: protocol.Painter, find: Find, start: Start, mailbox: Mailbox, room: Room = bytearray
    ) -> None:
        self.painter = painter
        self._find = find
        self._start = start
        self._mailbox = mailbox
        self._room = room
        self._wake = asyncio.Event()
        self._errand = asyncio.Event()
        self._hurry = asyncio.Event()
        self._standing = Standing(LinkState.CLOSED)
        self._goodbye: protocol.Failure | None = None
        self._starting: asyncio.Task[None] | None = None
        self._started: Started | None = None

    def wake(self) -> None:
        """Have the painter's next frames sent."""
        self._wake.set()

    async def run(self) -> None:
        """Connect, and connect again, until cancelled."""
        attempt = 0
        while True:
            try:
                attempt = await self._once(attempt)
            except Exception as error:
                log.exception("the link stumbled")
                self._stand(LinkState.LOST, standing.fault(error))
                await asyncio.sleep(RECONNECT_SECONDS[1])

    async def _once(self, attempt: int) -> int:
        """Look for a backend, hold a connection to it until it ends, and rest. Returns how many attempts have failed in a row."""
        found = self._find()
        if found is None:
            self._look_absent()
            await self._pause(LOOK_SECONDS, found)
            return 0
        if self._standing.state not in (LinkState.LOST, LinkState.REFUSED):
            self._stand(LinkState.CONNECTING)
        clock = asyncio.get_running_loop().time
        begun = clock()
        refused = await self._try(found, attempt)
        attempt = 0 if clock() - begun >= STABLE_SECONDS else attempt + 1
        first, longest = RECONNECT_SECONDS
        await self._pause(REFUSED_SECONDS if refused else min(longest, first * 2 ** min(attempt, 16)), found)
        return attempt

    def start_backend(self) -> None:
        """Start the recorded backend, unless there is one."""
        if self._starting is None and self._standing.state is LinkState.ABSENT:
            self._starting = asyncio.create_task(self._start_and_wait())

    async def close(self) -> None:
        """Give what has been said a moment to leave."""
        end = asyncio.get_running_loop().time() + FLUSH_SECONDS
        while self.painter.ready and self._wake.is_set() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.005)
        if self._starting is not None:
            self._starting.cancel()

    async def _try(self, found: Found, attempt: int) -> bool:
        """Hold one connection until it ends. Returns whether trying the same backend again soon is of no use."""
        try:
            greeted = await self._one_connection(found)
        except protocol.ProtocolError as error:
            log.warning("the backend broke the contract: %s", error)
            return self._refuse(standing.not_understood(error))
        except websocket_errors.InvalidStatus as error:
            return self._refuse(standing.turned_away(error.response.status_code))
        except (OSError, asyncio.TimeoutError, websocket_errors.InvalidHandshake) as error:
            log.info("no connection: %s", error)
            self._lose(standing.no_answer(str(error) or type(error).__name__), attempt)
            return False
        except Exception as error:
            log.exception("the connection broke off")
            self._lose(standing.fault(error), PATIENT_ATTEMPTS)
            return False
        if not greeted and self._goodbye is not None:
            return self._refuse(self._goodbye)
        self._lose(standing.no_answer("it closed the connection"), 0 if greeted else attempt)
        return False

    async def _one_connection(self, found: Found) -> bool:
        """Hold one connection until it ends. Returns whether the backend has greeted on it."""
        async with websocket_client.connect(
            found.url,
            additional_headers={"Authorization": f"Bearer {found.token}"},
            compression=None,
            max_size=protocol.MAX_FRAME_BYTES,
            open_timeout=CONNECT_SECONDS,
            close_timeout=CLOSE_SECONDS,
            # the backend looks whether this side is there; one of its own that hangs, a person sees sooner
            ping_interval=None,
            user_agent_header=None,
            logger=log,
            # a proxy is for the network; the token must not leave this machine
            proxy=None,
        ) as socket:
            self._goodbye = None
            self.painter.connected()
            self._wake.set()
            writer = asyncio.create_task(self._write(socket))
            runner = asyncio.create_task(self._run_errands(socket))
            try:
                await self._read(socket)
            except protocol.ProtocolError:
                # the Goodbye that says why
                with contextlib.suppress(websocket_errors.ConnectionClosed):
                    while (frame := self.painter.next_frame()) is not None:
                        await socket.send(frame)
                raise
            finally:
                greeted = self.painter.ready
                self.painter.lost()
                writer.cancel()
                runner.cancel()
                await asyncio.wait({writer, runner})
            for task in (writer, runner):
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
            return greeted

    async def _read(self, socket: websocket_client.ClientConnection) -> None:
        try:
            async for frame in socket:
                for news in self.painter.receive(frame):
                    self._hear(news)
                # what was received may have queued an answer
                self._wake.set()
                self._errand.set()
                await self._mailbox.room()
        except websocket_errors.ConnectionClosed as closed:
            log.info("connection closed: %s", closed)

    async def _run_errands(self, socket: websocket_client.ClientConnection) -> None:
        """Do on the disk what is due, in a thread aside, one thing after the other."""
        try:
            while True:
                self._errand.clear()
                while (errand := self.painter.next_errand()) is not None:
                    outcome = await asyncio.to_thread(self._carry_out, errand)
                    for news in self.painter.carried_out(errand, outcome):
                        self._hear(news)
                    self._wake.set()
                await self._errand.wait()
        except Exception:
            # whoever waits for these pixels would wait for ever
            socket.transport.abort()
            raise

    async def _write(self, socket: websocket_client.ClientConnection) -> None:
        try:
            while True:
                while (frame := self.painter.next_frame()) is not None:
                    await socket.send(frame)
                self._wake.clear()
                await self._wake.wait()
        except websocket_errors.ConnectionClosed:
            pass
        except Exception:
            # a connection on which nothing can be said any more must not seem to be there
            socket.transport.abort()
            raise

    def _carry_out(self, errand: protocol.Errand) -> Any:  # noqa: ANN401 - as each errand says
        return errand.carry_out(self._room) if isinstance(errand, protocol.Fetch) else errand.carry_out()

    def _hear(self, news: protocol.News) -> None:
        if isinstance(news, protocol.Welcome):
            self._stand(LinkState.READY)
        if isinstance(news, protocol.Goodbye):
            self._goodbye = news.failure
        if isinstance(news, protocol.Progress):
            self._mailbox.put(news, ("progress", news.id))
            return
        if isinstance(news, protocol.PreviewPicture):
            self._mailbox.put(news, ("preview", news.preview.id))
            return
        if isinstance(news, (protocol.Result, protocol.Failed, protocol.Cancelled)):
            # should the id be submitted again, its news come after this end
            job_id = news.done.id if isinstance(news, protocol.Result) else news.id
            self._mailbox.forget(("progress", job_id))
            self._mailbox.forget(("preview", job_id))
        self._mailbox.put(news)

    def _stand(self, state: LinkState, failure: protocol.Failure | None = None) -> None:
        now = Standing(state, failure)
        if now != self._standing:
            log.info("%s%s", state.value, f": {failure.happened}" if failure else "")
            self._standing = now
            self._mailbox.put(now)

    def _look_absent(self) -> None:
        if self._started is not None and self._started.gone:
            # asked, so that the system forgets the process
            self._started = None
        # why the last start failed stays to be read
        if self._starting is None and self._standing.state is not LinkState.ABSENT:
            self._stand(LinkState.ABSENT)

    def _refuse(self, failure: protocol.Failure) -> bool:
        self._stand(LinkState.REFUSED, failure)
        return True

    def _lose(self, failure: protocol.Failure, attempt: int) -> None:
        if attempt >= PATIENT_ATTEMPTS:
            self._stand(LinkState.LOST, failure)
        elif self._standing.state is LinkState.READY:
            self._stand(LinkState.LOST)

    async def _pause(self, seconds: float, seen: Found | None) -> None:
        """Wait, but not when there is another backend than the one seen, or somebody is in a hurry."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), min(left, LOOK_SECONDS))
                self._hurry.clear()
                return
            if self._find() != seen:
                return

    async def _start_and_wait(self) -> None:
        try:
            self._stand(LinkState.STARTING)
            failure = await self._start_until_found()
            if failure is not None:
                self._stand(LinkState.ABSENT, failure)
        except CannotStart as problem:
            self._stand(LinkState.ABSENT, problem.failure)
        except Exception as error:
            log.exception("the backend could not be started")
            self._stand(LinkState.ABSENT, standing.fault(error))
        finally:
            self._starting = None
            self._hurry.set()

    async def _start_until_found(self) -> protocol.Failure | None:
        loop = asyncio.get_running_loop()
        started = self._started = await loop.run_in_executor(None, self._start)
        end = loop.time() + START_SECONDS
        try:
            while self._find() is None:
                if started.ended:
                    return started.failure()
                if loop.time() > end:
                    return standing.too_slow(START_SECONDS)
                await asyncio.sleep(START_LOOK_SECONDS)
            return None
        finally:
            started.settle()
