"""One connection: frames in, messages to the desk, events out. One task reads, one writes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from backend.jobs import Refusal
from protocol import (
    MAX_PATH_CHARS,
    REQUESTS,
    Acknowledge,
    Cancel,
    Content,
    Conversation,
    Errand,
    Event,
    Failure,
    GetStatus,
    Goodbye,
    Hello,
    ListLoras,
    ListModels,
    ListStyles,
    Models,
    Preview,
    ProtocolError,
    Query,
    Raster,
    Received,
    Refused,
    Shutdown,
    Submit,
    Unreadable,
)

from .house import House
from .lists import Lists

log = logging.getLogger(__name__)

HELLO_SECONDS: Final = 10.0
"""From the handshake to the greeting. A client sends it at once."""

STALL_SECONDS: Final = 60.0
"""For one frame to leave. A reader that takes none for so long is gone or stuck; its results wait in the spool."""

FLUSH_SECONDS: Final = 2.0
"""For the last words to leave before the connection is closed."""


class Session:
    """A connection and who speaks on it. It is a `Reader` of the desk: what it is told leaves as fast as the other side reads."""

    def __init__(self, socket: ServerConnection, house: House, stall_seconds: float = STALL_SECONDS) -> None:
        self._socket = socket
        self._house = house
        self._stall_seconds = stall_seconds
        self._conversation = Conversation("server", self._provide, house.limits, lying=self._lying)
        self._wake = asyncio.Event()
        self._leaving = False
        self._writer: asyncio.Task[None] | None = None
        self._errand: asyncio.Task[None] | None = None
        self._inbox: Path | None = None
        self._lists = Lists(self._answer)
        self.owner: str | None = None

    async def run(self) -> None:
        """Speak until the connection ends. Never raises but when it is cancelled."""
        self._writer = asyncio.create_task(self._write(), name="write to a client")
        try:
            async with asyncio.timeout(HELLO_SECONDS) as hello:
                await self._read(hello)
        except ConnectionClosed as closed:
            log.debug("connection closed: %s", closed)
        except TimeoutError:
            log.warning("a client did not say who it is")
        except ProtocolError as error:
            # no more than its kind: the text may quote what a painter has written
            log.warning("a client broke the contract: %s", type(error).__name__)
        except Exception:
            log.exception("a session broke off")
        finally:
            if self.owner is not None:
                self._house.desk.detach(self.owner, self)
            self._lists.close()
            if self._errand is not None:
                self._errand.cancel()
            await self._flush()
            await self._close()
            if self._inbox is not None:
                await asyncio.to_thread(shutil.rmtree, self._inbox, ignore_errors=True)

    def tell(self, event: Event) -> None:
        """Send this event when its turn comes."""
        try:
            self._answer(event)
        except ValueError:
            log.exception("a %s cannot travel", type(event).__name__)

    def show(self, preview: Preview, content: bytes) -> None:
        """Send this preview, in place of an older one of the same job that has not left yet."""
        try:
            self._conversation.send_preview(preview, content)
        except ValueError:
            log.exception("a preview cannot travel")
        self._wake.set()

    def ask(self, rasters: list[Raster]) -> None:
        """Ask for attachments."""
        self._conversation.ask(rasters)
        self._wake.set()

    def forget(self, names: list[str]) -> None:
        """No longer expect these attachments."""
        self._conversation.forget(names)

    async def dismiss(self, why: Failure) -> None:
        """Say goodbye and close."""
        self.tell(Goodbye(why))
        await self._flush()
        await self._socket.close()

    def _provide(self, name: str) -> bytes | None:
        return self._house.desk.content(self.owner, name) if self.owner is not None else None

    def _lying(self, name: str) -> tuple[str, int] | None:
        found = self._house.desk.lying(self.owner, name) if self.owner is not None else None
        path = _travelling(found[0]) if found is not None else ""
        return (path, found[1]) if found is not None and path else None

    async def _read(self, hello: asyncio.Timeout) -> None:
        async for frame in self._socket:
            for received in self._conversation.receive(frame):
                if isinstance(received, Goodbye):
                    return
                if isinstance(received, Hello):
                    hello.reschedule(None)
                    self._greet(received)
                elif isinstance(received, Unreadable):
                    log.info("refused a %r: %s", received.refused.request, received.refused.failure.code)
                elif self.owner is not None:
                    self._carry_out(received, self.owner)
            self._run_errands()
            # what was received may have queued an answer of the conversation's own
            self._wake.set()

    def _run_errands(self) -> None:
        """Have done on the disk what is due, in a thread aside; one after the other, as pixels would come."""
        if self._errand is None and (errand := self._conversation.next_errand()) is not None:
            self._errand = asyncio.create_task(self._run(errand), name="take what was laid")

    async def _run(self, errand: Errand) -> None:
        try:
            outcome = await asyncio.to_thread(errand.carry_out)
            for received in self._conversation.carried_out(errand, outcome):
                if self.owner is not None:
                    self._carry_out(received, self.owner)
        except ProtocolError as error:
            log.warning("a client broke the contract: %s", type(error).__name__)
            await self._flush()
            # the reading task ends by it
            await self._socket.close()
            return
        except Exception:
            log.exception("what a client has laid cannot be taken")
        self._wake.set()
        self._errand = None
        self._run_errands()

    def _greet(self, hello: Hello) -> None:
        self.owner = hello.installation
        self._inbox = self._house.inbox()
        self.tell(replace(self._house.welcome(), inbox=_travelling(self._inbox)))
        self._house.desk.attach(self.owner, self)

    def _carry_out(self, received: Received, owner: str) -> None:
        desk, about, name = self._house.desk, "", _REQUEST_NAMES.get(type(received), "")
        try:
            match received:
                case Content(content, data):
                    desk.arrived(owner, content, data)
                case Submit(job):
                    about = job.id
                    desk.submit(owner, job, self)
                case Cancel(about):
                    desk.cancel(owner, about, self)
                case Query(ids):
                    desk.query(owner, ids, self)
                case Acknowledge(about):
                    desk.acknowledge(owner, about)
                case ListModels():
                    self._lists.ask(name, self._models)
                case ListStyles():
                    self._lists.ask(name, self._house.styles)
                case ListLoras():
                    self._lists.ask(name, self._house.loras)
                case GetStatus():
                    self.tell(self._house.status())
                case Shutdown(force):
                    self._house.shut_down(force)
        except Refusal as refusal:
            self.tell(Refused(name, refusal.failure, about))

    def _answer(self, event: Event) -> None:
        """Send this event when its turn comes. Raises ValueError when it cannot travel."""
        self._conversation.send(event)
        self._wake.set()

    async def _models(self) -> Event:
        return Models(await self._house.models())

    async def _write(self) -> None:
        try:
            while True:
                self._wake.clear()
                while (frame := self._conversation.next_frame()) is not None:
                    async with asyncio.timeout(self._stall_seconds):
                        await self._socket.send(frame)
                if self._leaving:
                    return
                await self._wake.wait()
        except ConnectionClosed:
            pass
        except TimeoutError:
            log.warning("a client does not read, and is dropped; its results are kept")
            self._socket.transport.abort()
        except Exception:
            log.exception("writing to a client broke off")
            self._socket.transport.abort()

    async def _flush(self) -> None:
        """Let the last words leave, if that takes no longer than a moment."""
        self._leaving = True
        self._wake.set()
        if self._writer is not None:
            await asyncio.wait({self._writer}, timeout=FLUSH_SECONDS)
            self._writer.cancel()

    async def _close(self) -> None:
        """Close, and read on meanwhile: the other side's consent may stand behind frames that nobody will look at."""
        closing = asyncio.create_task(self._socket.close())
        with contextlib.suppress(ConnectionClosed):
            async for _ in self._socket:
                pass
        await closing


def _travelling(path: Path | None) -> str:
    """Return a path as it travels; empty where there is none, or it cannot be said in Unicode."""
    text = str(path.absolute()) if path is not None else ""
    return text if len(text) <= MAX_PATH_CHARS and text.isprintable() else ""


_REQUEST_NAMES: Final = {cls: name for name, cls in REQUESTS.items()}
