"""The link: the contract's Qt shell. The main thread calls and hears; a thread of its own does the rest."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..bundled import protocol
from ..qt import QtCore
from . import discovery, launch
from .connection import Connection, Find, Start
from .mailbox import Mailbox
from .standing import LinkState, Standing

log = logging.getLogger(__name__)

JOIN_SECONDS: Final = 2.0
"""For the thread to end: the flush and the closing handshake together, and as much again. Krita then quits without it."""

Pixels = bytes | QtCore.QByteArray
"""Pixels of an attachment. They are read where they lie, by the link's thread: a QByteArray must not be changed once it is
handed over, nor be a copy of another one, since Qt then copies it in full at the first look."""


@dataclass(frozen=True)
class _Named:
    """The names of contents have been worked out."""

    then: Callable[[tuple[str, ...]], None]
    names: tuple[str, ...]


class Link(QtCore.QObject):
    """Jobs of one installation: sent, kept until their end has come, taken up again after each loss of the connection.

    Every method is for the thread that made the link, and returns at once; every signal comes in that thread, one a turn of
    its event loop. Pixels are not copied on this side: files or frames are made of them in the link's thread. `Result.contents`
    are the very memory that was filled there: a QByteArray each where it was read from the disk, bytes where it came in frames.
    """

    news = QtCore.pyqtSignal(object)
    """A `protocol.News`. Of a job: any number of events, then one of Result, Failed, Cancelled. Where the main thread is
    late, only the newest Progress and PreviewPicture of a job come."""

    state_changed = QtCore.pyqtSignal(object)
    """The `LinkState` that is now; `trouble` has changed with it."""

    _woken = QtCore.pyqtSignal()

    def __init__(
        self,
        installation: str,
        client: str,
        parent: QtCore.QObject | None = None,
        find: Find = discovery.find,
        start: Start | None = None,
    ) -> None:
        super().__init__(parent)
        self._standing = Standing(LinkState.CLOSED)
        self._waiting: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._stop = asyncio.Event()
        self._mailbox = Mailbox(self._wake)
        self._painter = protocol.Painter(installation, client, by_file=True)
        self._connection = Connection(self._painter, find, start or _start_recorded, self._mailbox, _room)
        # queued even where Qt believes both ends to be in one thread
        self._woken.connect(self._deliver, QtCore.Qt.ConnectionType.QueuedConnection)  # type: ignore[call-arg]

    @property
    def state(self) -> LinkState:
        """How the link stands, as last told by `state_changed`."""
        return self._standing.state

    @property
    def trouble(self) -> protocol.Failure | None:
        """What to tell the painter of this state, or None where the state says it all."""
        return self._standing.failure

    @property
    def waiting(self) -> frozenset[str]:
        """Ids of the jobs whose end has not been told yet."""
        return frozenset(self._waiting)

    def open(self) -> None:
        """Start looking for the backend. A second call does nothing. Closes by itself when the application quits."""
        if self._thread is not None or self._closed:
            return
        self._loop = asyncio.new_event_loop()
        # a daemon: should it ever hang, Krita quits without it
        self._thread = threading.Thread(target=self._live, args=(self._loop,), name="scumble-link", daemon=True)
        self._thread.start()
        # deleted with its parent and never closed: nobody waits, but the thread ends
        self.destroyed.connect(partial(_end, self._loop, self._stop))
        application = QtCore.QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.close)

    @QtCore.pyqtSlot()
    def close(self) -> None:
        """End the connection and the thread, and wait for them up to `JOIN_SECONDS`. Jobs go on in the backend.

        Allowed in any state, and any number of times. No signal comes after it. Afterwards the link cannot be used.
        """
        self._closed = True
        self._standing = Standing(LinkState.CLOSED)
        self._waiting.clear()
        thread, loop = self._thread, self._loop
        self._thread = self._loop = None
        if thread is None or loop is None:
            return
        _end(loop, self._stop)
        thread.join(JOIN_SECONDS)
        if thread.is_alive():
            log.warning("the link's thread does not end")

    def submit(self, job: protocol.Job, attachments: Mapping[str, Pixels]) -> None:
        """Have a job painted. `attachments` holds the pixels of its rasters by content hash; they are kept until its end, or until
        it is cancelled.

        Raises ValueError when one is missing, the job is waiting already, it cannot travel, or too many wait;
        ConnectionError when the link is closed.
        """
        if any(raster.content not in attachments for raster in job.rasters):
            raise ValueError("some of the job's attachments are missing")
        if job.id in self._waiting:
            raise ValueError(f"the job {job.id} is waiting already")
        protocol.encode_message(protocol.Submit(job))
        held: Mapping[str, Any] = dict(attachments)
        self._keep(job.id)
        self._say(lambda: self._painter.submit(job, held))

    def resume(self, job_id: str) -> None:
        """Wait for the end of a job of an earlier run, whose pixels are no longer at hand. Raises as `submit`."""
        protocol.Query((job_id,))
        self._keep(job_id)
        self._say(lambda: self._painter.resume(job_id))

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end, which is news like any other. A job that is not waiting is left alone."""
        self._say(lambda: self._painter.cancel(job_id))

    def acknowledge(self, job_id: str) -> None:
        """Tell the backend that a job's end is kept safe here. Raises ValueError when this is no job id."""
        protocol.Acknowledge(job_id)
        self._say(lambda: self._painter.acknowledge(job_id))

    def request(self, message: protocol.Request) -> None:
        """Send something that is about no job: ListModels, ListStyles, ListLoras, GetStatus, Shutdown.

        Raises ConnectionError unless the link is ready. Should the connection be lost just now, no answer comes: ask again
        at the next READY.
        """
        if self.state is not LinkState.READY:
            raise ConnectionError("there is no connection to the backend")
        self._say(lambda: self._painter.request(message))

    def start_backend(self) -> None:
        """Start the backend that `scumble install-plugin` has recorded, where the link stands at ABSENT.

        The link is then STARTING, and at last READY, or ABSENT again with a `trouble`.
        """
        self._call(lambda connection: connection.start_backend())

    def name(self, contents: Iterable[Pixels], then: Callable[[tuple[str, ...]], None]) -> None:
        """Work out the names of contents, their SHA-256, which takes about 1.5 ms a MiB: `then` gets them in this thread."""
        held: tuple[Any, ...] = tuple(contents)

        def hash_all(_: Connection) -> None:
            names = tuple(protocol.content_name(content) for content in held)
            self._mailbox.put(_Named(then, names))

        self._call(hash_all)

    def _keep(self, job_id: str) -> None:
        if len(self._waiting) >= protocol.MAX_QUERY_IDS and job_id not in self._waiting:
            raise ValueError(f"{len(self._waiting)} jobs are waiting already")
        if self._loop is None:
            raise ConnectionError("the link is closed")
        self._waiting.add(job_id)

    def _say(self, what: Callable[[], None]) -> None:
        def say(connection: Connection) -> None:
            what()
            connection.wake()

        self._call(say)

    def _call(self, what: Callable[[Connection], None]) -> None:
        """Do something in the link's thread. Does nothing when the link is closed."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(self._guarded, what)
        except RuntimeError:
            log.warning("the link's thread is gone")

    def _guarded(self, what: Callable[[Connection], None]) -> None:
        try:
            what(self._connection)
        except Exception:
            log.exception("a request was not carried out")

    @QtCore.pyqtSlot()
    def _deliver(self) -> None:
        """Tell of one thing; the next one comes after whatever else waits in the event loop, as the painter's strokes."""
        item = self._mailbox.take()
        if item is None or self._closed:
            return
        self._woken.emit()
        if isinstance(item, Standing):
            self._standing = item
            self.state_changed.emit(item.state)
        elif isinstance(item, _Named):
            item.then(item.names)
        else:
            if isinstance(item, protocol.Result):
                self._waiting.discard(item.done.id)
            elif isinstance(item, (protocol.Failed, protocol.Cancelled)):
                self._waiting.discard(item.id)
            self.news.emit(item)

    # What follows runs in the link's thread.

    def _wake(self) -> None:
        try:
            self._woken.emit()
        except RuntimeError:
            # Qt has deleted this object just now
            self._stop.set()

    def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.set_exception_handler(_log_fault)
        try:
            loop.run_until_complete(self._until_closed())
        except Exception:
            log.exception("the link's thread broke off")
        finally:
            loop.close()

    async def _until_closed(self) -> None:
        run = asyncio.create_task(self._connection.run())
        await self._stop.wait()
        await self._connection.close()
        run.cancel()
        await asyncio.wait({run})


def _end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event, *_: object) -> None:
    # where the loop is closed, the thread has ended by itself
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


def _room(size: int) -> QtCore.QByteArray:
    """Return memory for pixels as Krita takes them: then nothing is copied on their way into a layer."""
    data = QtCore.QByteArray()
    # not filled before it is written: filling at once would hold Python's lock
    data.resize(size)
    return data


def _start_recorded() -> launch.Started:
    return launch.start(launch.read_record(), os.environ)


def _log_fault(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("in the link's thread: %s", context.get("message"), exc_info=context.get("exception"))
