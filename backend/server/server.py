"""The server: listens on this machine, holds the desk, and ends in good order."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

import websockets.asyncio.server as ws
from websockets.http11 import Request, Response

from backend import __version__
from backend.executors.interface import Executor
from backend.jobs import Desk, Refusal, Spool
from backend.places import Places
from protocol import MAX_FRAME_BYTES, Failure, Limits, Loras, ModelInfo, Status, Styles, Welcome, carriable

from . import discovery
from .discovery import Found
from .handshake import MAX_SESSIONS, OPEN_SECONDS, BoundedConnection, loopback, refusal
from .instance import Held, become_the_one
from .problem import CannotServe
from .session import STALL_SECONDS, Session
from .shelf import Library, Shelf
from .token import token_at

log = logging.getLogger(__name__)

PING_SECONDS: Final = 20.0
"""Between two looks whether the other side is still there."""

PONG_SECONDS: Final = 60.0
"""For it to answer: a laptop that swaps, or a plugin whose Krita holds the GIL, takes its time."""

CLOSE_SECONDS: Final = 2.0
"""For the closing handshake; a program that hangs does not hold up the end."""

READ_AHEAD: Final = 4
"""Frames of about 1 MiB that are read before they are looked at; then the other side has to wait."""

WRITE_AHEAD: Final = 256 * 1024
"""Bytes that wait in this process for the system to take them. Small, so that a slow reader is noticed and previews are dropped."""

TELL_SECONDS: Final = 10.0
"""Between two looks whether what the server has told of itself is still there, and true."""

NAME: Final = f"Scumble {__version__}"

SILENT: Final = logging.getLogger("websockets.scumble")
"""What goes wrong on foreign connections is told by their status, not by a traceback each in the log."""
SILENT.disabled = True


class Server:
    """One user's backend. `start`, then `wait` until it is to stop, then `stop`.

    `idle_seconds` without clients and jobs end it, None never. `port` 0 takes a free one.
    """

    def __init__(
        self,
        places: Places,
        executor: Executor,
        library: Library,
        host: str = "127.0.0.1",
        port: int = 0,
        idle_seconds: float | None = None,
        limits: Limits | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.limits = limits or Limits()
        self._places = places
        self._executor = executor
        self._shelf = Shelf(library, lambda: executor.device, places.styles, places.wildcards, places.loras)
        self._host = host
        self._port = port
        self._idle_seconds = idle_seconds
        self._stall_seconds = stall_seconds
        self.desk = Desk(executor, self._shelf.plan, Spool(places.spool), self.limits)
        self._sessions: set[Session] = set()
        self._stopping = asyncio.Event()
        self._begun = time.monotonic()
        self._held: Held | None = None
        self._socket: ws.Server | None = None
        self._found: Found | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def found(self) -> Found:
        """Where it listens. Raises RuntimeError before it does."""
        if self._found is None:
            raise RuntimeError("the server does not listen yet")
        return self._found

    async def start(self) -> None:
        """Listen, and say where. Raises CannotServe, or AlreadyRunning; then nothing is left behind."""
        host = loopback(self._host)
        self._held = await become_the_one(self._places)
        try:
            token = token_at(self._places.token)
            # of a server that was killed
            await asyncio.to_thread(shutil.rmtree, self._places.inboxes, ignore_errors=True)
            await self.desk.start()
            port = await self._listen(host, token)
            self._found = discovery.this_process(host, port, token, __version__)
            discovery.write(self._places, self._found)
        except BaseException:
            await self.stop()
            raise
        log.info("%s listens on %s, port %d", NAME, host, port)
        # only now: accepting does not wait for a worker or a disk
        self._in_background(self._executor.start)
        self._in_background(self._shelf.infos)
        self._in_background(self._keep_told)
        if self._idle_seconds is not None:
            self._in_background(partial(self._stop_when_idle, self._idle_seconds))

    async def wait(self) -> None:
        """Return when somebody has asked it to stop."""
        await self._stopping.wait()

    def stop_soon(self) -> None:
        """Ask it to stop; `wait` returns."""
        self._stopping.set()

    async def stop(self) -> None:
        """End every job with a clear word, say goodbye, and leave nothing behind but the spool and the token."""
        self._stopping.set()
        for task in self._tasks:
            task.cancel()
        if self._socket is not None:
            self._socket.close(close_connections=False)
        await self.desk.close()
        await asyncio.gather(*(session.dismiss(_GOODBYE) for session in self._sessions))
        if self._socket is not None:
            for connection in list(self._socket.handlers):
                # those that never said who they are
                connection.transport.abort()
            await self._socket.wait_closed()
        if self._found is not None:
            discovery.remove(self._places, self._found)
        if self._held is not None:
            self._held.release()
        log.info("stopped")

    def welcome(self) -> Welcome:
        """Return the greeting."""
        return Welcome(NAME, limits=self.limits, device=self._executor.device)

    def inbox(self) -> Path | None:
        """Make a folder where one client may lay pixels; None where that cannot be."""
        folder = self._places.inboxes / secrets.token_hex(16)
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            log.warning("pixels will come over the socket only, since there is no folder for them: %s", error)
            return None
        return folder

    def status(self) -> Status:
        """Return how the server is."""
        return Status(
            NAME,
            os.getpid(),
            time.monotonic() - self._begun,
            self._executor.state,
            self._executor.device,
            queued=self.desk.waiting,
            running=self.desk.running,
            clients=len(self._sessions),
            spooled=self.desk.kept,
            # a folder may have a name that is no text
            log=carriable(str(self._places.log)),
        )

    async def models(self) -> tuple[ModelInfo, ...]:
        """Return the models that are there now."""
        return await self._shelf.infos()

    async def styles(self) -> Styles:
        """Return the styles that there are now."""
        return await self._shelf.styles()

    async def loras(self) -> Loras:
        """Return the LoRAs that are there now."""
        return await self._shelf.loras()

    def shut_down(self, force: bool) -> None:
        """Begin to stop. Raises Refusal while there are jobs, unless by force."""
        jobs = self.desk.waiting + self.desk.running
        if jobs and not force:
            left = "1 job" if jobs == 1 else f"{jobs} jobs"
            raise Refusal(
                Failure("busy", f"The backend has {left} to do.", "Wait until all is done, or stop it by force.")
            )
        self.stop_soon()

    async def _listen(self, host: str, token: str) -> int:
        def admit(connection: ws.ServerConnection, request: Request) -> Response | None:
            status = refusal(request.headers, connection.local_address[1], token)
            if status is None and len(self._sessions) >= MAX_SESSIONS:
                status = HTTPStatus.SERVICE_UNAVAILABLE
            # a phrase that every server says: who asks without the token learns nothing
            return connection.respond(status, f"{status.phrase}\n") if status is not None else None

        try:
            self._socket = await ws.serve(
                self._converse,
                host,
                self._port,
                process_request=admit,
                compression=None,
                server_header=None,
                max_size=MAX_FRAME_BYTES,
                max_queue=READ_AHEAD,
                write_limit=WRITE_AHEAD,
                open_timeout=OPEN_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PONG_SECONDS,
                close_timeout=CLOSE_SECONDS,
                create_connection=BoundedConnection,
                logger=SILENT,
            )
        except OSError as error:
            raise CannotServe(
                "no_port",
                f"The backend cannot listen on {host}, port {self._port}: {error.strerror or error}.",
                "Choose another port, or none: then a free one is taken.",
            ) from error
        port: int = self._socket.sockets[0].getsockname()[1]
        return port

    async def _converse(self, connection: ws.ServerConnection) -> None:
        session = Session(connection, self, self._stall_seconds)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    def _in_background(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do something for as long as the server runs; what it raises is logged."""

        async def do() -> None:
            try:
                await work()
            except Exception:
                log.exception("work in the background failed")

        task = asyncio.create_task(do())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_told(self) -> None:
        problem = ""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            try:
                self._found = discovery.tell_again(self._places, self.found)
            except CannotServe as error:
                # it may go later; said once, not every time
                if str(error) != problem:
                    problem = str(error)
                    log.warning("nobody can find this server any more: %s", problem)

    async def _stop_when_idle(self, idle_seconds: float) -> None:
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < idle_seconds:
            await asyncio.sleep(min(1.0, idle_seconds / 4))
            if self._sessions or self.desk.waiting or self.desk.running:
                quiet_since = time.monotonic()
        log.info("nothing to do for %.0f seconds", idle_seconds)
        self.stop_soon()


_GOODBYE: Final = Failure("server_stopping", "The backend was stopped.", "Start it again to go on painting.")
