"""The worker: a process of its own that runs one plan at a time. Started by name; nothing of the server imports it.

``python -P -m backend.executors.worker MODELS [LORAS]`` with `exchange` frames on standard input and output. It ends when its
input does, even in mid-step.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final, NoReturn, Protocol

from backend.plan import DeviceLost, Plan, PlanEnd, PlanEvent, Stopped, WentWrong
from protocol import DeviceInfo, Failure

from .exchange import EXIT_DEVICE_LOST, CancelPlan, Ready, Said, decode_order, encode_said
from .frames import FrameError, read_frame, write_frame
from .tether import tether

EXIT_SERVER_GONE: Final = 0
"""The server closed its end: the ordinary end."""

EXIT_BAD_FRAME: Final = 2
"""What the server said could not be understood."""

EXIT_NO_ENGINE: Final = 3
"""The engine could not be made; standard error says why."""

MAX_FAULT_CHARS: Final = 300
"""Of a fault's own text in a painter's message: a sentence or two. The log has all of it."""

LOG_FORMAT: Final = "%(asctime)s [%(process)d] %(levelname)s %(name)s: %(message)s"
"""Of the worker's log, which is standard error; the process tells one worker from the next."""

Emit = Callable[[PlanEvent], None]
Cancelled = Callable[[], bool]


class PlanRunner(Protocol):
    """What runs plans here: the engine."""

    @property
    def device(self) -> DeviceInfo:
        """What it runs on."""
        ...

    def run(self, plan: Plan, contents: Mapping[str, bytes], emit: Emit, cancelled: Cancelled) -> None:
        """Run a plan and tell its events, one end last. Asks `cancelled` at least once per step. Raises DeviceLost."""
        ...


def make_engine(models: Path, loras: Path | None = None) -> PlanRunner:
    """Import torch and return the engine with the models of that folder, and the LoRAs of the other one."""
    from backend.engine import Engine
    from backend.models import Library

    return Engine(Library(models, loras=loras))


def main(make: Callable[..., PlanRunner] = make_engine) -> NoReturn:
    """Serve plans until the server is gone. `make` gets the folders of models and LoRAs, the command line's arguments."""
    orders, events = _take_streams()
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT)
    tether()
    worker = _Worker(events)
    threading.Thread(target=worker.listen, args=(orders,), name="orders", daemon=True).start()
    try:
        worker.serve(make(*map(Path, sys.argv[1:])))
    except BaseException:  # noqa: BLE001 - whatever it was, it ends in the log and in the exit status
        traceback.print_exc()
        _leave(EXIT_NO_ENGINE)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return standard input and output for frames only; what anybody prints from now on goes to standard error.

    The copies are not inherited by processes that a library may start, so that the pipes end with this process.
    """
    orders = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        # _leave flushes no buffers of other threads' prints
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return orders, events


def _leave(status: int) -> NoReturn:
    """End at once: without waiting for the other thread, which may be deep in a step."""
    os._exit(status)


class _Turn:
    """One plan and what it needs, on its way from the listening thread to the one that runs it."""

    def __init__(self, plan: Plan, contents: Mapping[str, bytes]) -> None:
        self.plan = plan
        self.contents = contents
        self.cancelled = threading.Event()


class _Worker:
    """Two threads: one listens for orders, so that a cancel or the server's end is seen in mid-step; one runs plans."""

    def __init__(self, events: BinaryIO) -> None:
        self._events = events
        self._writing = threading.Lock()
        self._turns: queue.SimpleQueue[_Turn] = queue.SimpleQueue()

    def listen(self, stream: BinaryIO) -> NoReturn:
        """Take orders until the stream's end, then end the process."""
        status = EXIT_BAD_FRAME
        try:
            self._take_orders(stream)
            status = EXIT_SERVER_GONE
        except FrameError as error:
            # cut off: the server went away while it was sending
            if error.cut:
                status = EXIT_SERVER_GONE
            else:
                print(f"the server's order is not understood: {error}", file=sys.stderr)
        except BaseException:  # noqa: BLE001 - a worker that cannot listen must not go on
            traceback.print_exc()
        finally:
            _leave(status)

    def _take_orders(self, stream: BinaryIO) -> None:
        job, cancelled = "", threading.Event()
        while (frame := read_frame(stream)) is not None:
            order = decode_order(frame)
            if isinstance(order, CancelPlan):
                if order.job == job:
                    cancelled.set()
                continue
            turn = _Turn(order.plan, order.contents)
            job, cancelled = turn.plan.job, turn.cancelled
            self._turns.put(turn)
            # while this thread waits for the next order it must not keep the pixels of this one
            del frame, order, turn

    def serve(self, runner: PlanRunner) -> NoReturn:
        """Say that plans may come, and run them one after the other."""
        self._say(Ready(runner.device))
        while True:
            self._run(runner, self._turns.get())

    def _run(self, runner: PlanRunner, turn: _Turn) -> None:
        """Run one plan; it has one end, whatever the runner does."""
        ended = False

        def emit(event: PlanEvent) -> None:
            nonlocal ended
            if ended:
                raise RuntimeError(f"{type(event).__name__} after the plan's end")
            self._say(event)
            ended = isinstance(event, PlanEnd)

        end: PlanEnd
        try:
            runner.run(turn.plan, turn.contents, emit, turn.cancelled.is_set)
            end = Stopped() if turn.cancelled.is_set() else WentWrong(_no_end())
        except DeviceLost:
            traceback.print_exc()
            _leave(EXIT_DEVICE_LOST)
        except Exception as error:  # noqa: BLE001 - the painter hears of every fault, and the next plan gets its turn
            traceback.print_exc()
            end = WentWrong(_fault(error))
        if not ended:
            self._say(end)

    def _say(self, said: Said) -> None:
        frame = encode_said(said)
        try:
            with self._writing:
                write_frame(self._events, frame)
        except OSError:
            _leave(EXIT_SERVER_GONE)


def _no_end() -> Failure:
    return Failure(
        "engine_fault",
        "The engine stopped without a result.",
        "Try again. If it happens every time, please report it with the worker's log.",
    )


def _fault(error: Exception) -> Failure:
    if isinstance(error, MemoryError):
        return Failure(
            "out_of_memory",
            "There was not enough memory for this picture.",
            "Paint a smaller area, or close other programs, and try again.",
        )
    what = str(error).strip().replace("\x00", "").partition("\n")[0][:MAX_FAULT_CHARS]
    return Failure(
        "engine_fault",
        f"Painting failed: {type(error).__name__}{': ' if what else ''}{what}",
        "Try again. If it happens every time, please report it with the worker's log.",
    )


if __name__ == "__main__":
    main()
