"""One worker process, from its start to its end, as seen from the server: frames in, frames out, no restart."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from .exchange import Order, Said, decode_said, encode_order
from .frames import FrameError, encode_head, read_frame
from .launch import launch
from .log import WorkerLog

MAX_UNHEARD: Final = 8
"""Events that are kept until somebody hears them. Then the worker waits: a slow reader must not collect its pictures here."""

PIPE_BYTES: Final = 1024 * 1024
"""Size of a pipe: what Linux lets any user have. With its usual 64 KiB both sides switch sixteen times as often; 64 MiB there and
back took about a seventh longer."""

EXIT_GRACE: Final = 1.0
"""Seconds from the end of a worker's output to its own; it has nothing left to do but to go."""


@dataclass(frozen=True)
class Ending:
    """How a worker process ended: its exit status, negative for a signal, and what the server held against it, if so."""

    status: int
    problem: str = ""


class WorkerProcess:
    """A running worker. Made, and asked, on the event loop's thread, which must live as long as the worker (`tether`).

    Two threads move the bytes: pipes block, on Windows too, a picture is read straight into the bytes that are kept, and
    the event loop goes on with the painters' connections meanwhile.
    """

    def __init__(self, command: list[str], log: Path) -> None:
        """Start it. Raises OSError when the program or the log cannot be opened."""
        self._loop = asyncio.get_running_loop()
        self.log, stream = WorkerLog.begin(log)
        with stream:
            self._process = launch(command, stream, log.parent)
        _widen(self._process)
        self._problem = ""
        self._inbox: asyncio.Queue[Said | Ending] = asyncio.Queue()
        self._room = threading.Semaphore(MAX_UNHEARD)
        self._deaf = threading.Event()
        self._gone = asyncio.Event()
        self._outbox: queue.SimpleQueue[tuple[bytes, ...] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="worker orders", daemon=True)
        self._reader = threading.Thread(target=self._read, name="worker events", daemon=True)
        self._writer.start()
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, and is to go on running."""
        return not self._deaf.is_set() and self._process.poll() is None

    def send(self, order: Order) -> None:
        """Send an order, in turn, without waiting. Raises FrameError when it breaks a bound; then nothing is sent."""
        frame = encode_order(order)
        self._outbox.put((encode_head(frame), *frame.attachments))

    async def hear(self) -> Said | Ending:
        """Return what it says next, and last of all how it ended."""
        said = await self._inbox.get()
        self._room.release()
        return said

    def kill(self, problem: str = "") -> None:
        """End it at once. `problem` is what the server holds against it."""
        self._problem = self._problem or problem
        self._stop_hearing()
        self._process.kill()

    async def gone(self) -> None:
        """Wait until it has ended and its memory is free."""
        await self._gone.wait()

    async def close(self, grace: float) -> None:
        """Tell it to end, wait at most `grace` seconds, then end it."""
        self._outbox.put(None)
        self._stop_hearing()
        try:
            async with asyncio.timeout(grace):
                await self.gone()
        except TimeoutError:
            self.kill()
            await self.gone()

    def _stop_hearing(self) -> None:
        """From now on nothing it says counts, so that the reading thread never waits for somebody to hear it."""
        self._deaf.set()
        self._room.release()

    def _write(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            while (parts := self._outbox.get()) is not None:
                for part in parts:
                    self._process.stdin.write(part)
                self._process.stdin.flush()
                # until the next order this thread keeps no picture
                del parts
        # what is left in its buffer, nobody takes
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            self._pass_on(self._process.stdout)
        except FrameError as error:
            if not error.cut:
                self.kill(f"said something that is not understood: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it was, as too little memory, its end must still be told
            self.kill(f"could not be heard any more ({error!r})")
        status = self._reap()
        self._process.stdout.close()
        self._outbox.put(None)
        self._writer.join()
        # a loop that is closed has nobody left to tell
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end, Ending(status, self._problem))

    def _pass_on(self, stream: IO[bytes]) -> None:
        """Pass on what it says until its output ends. Raises FrameError."""
        while (frame := read_frame(stream)) is not None:
            said = decode_said(frame)
            if self._deaf.is_set():
                continue
            self._room.acquire()
            try:
                self._loop.call_soon_threadsafe(self._inbox.put_nowait, said)
            except RuntimeError:
                # the loop was closed without `close`: nobody will ever hear or end this worker
                self.kill()
                return
            # until it says more this thread keeps no picture
            del frame, said

    def _reap(self) -> int:
        try:
            return self._process.wait(EXIT_GRACE)
        except subprocess.TimeoutExpired:
            self.kill("closed its output and did not end")
            return self._process.wait()

    def _end(self, ending: Ending) -> None:
        self._inbox.put_nowait(ending)
        self._gone.set()


def _widen(process: subprocess.Popen[bytes]) -> None:
    """Make the pipes of a process as large as the system allows; smaller ones are slower and work as well."""
    if sys.platform == "linux":
        import fcntl

        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
