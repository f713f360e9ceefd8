"""Runs plans in a process of its own on this machine. This side imports no torch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backend.plan import Plan, PlanEnd, PlanEvent, Stopped, WentWrong
from protocol import DeviceInfo, Failure, WorkerState

from . import failures
from .exchange import CancelPlan, Ready, RunPlan
from .frames import FrameError
from .launch import worker_command
from .process import Ending, WorkerProcess

START_GRACE: Final = 180.0
"""Seconds until a worker must be ready. Importing torch from a slow disk, past a virus scanner, may take two minutes."""

CANCEL_GRACE: Final = 20.0
"""Seconds from a cancel to the worker's death. A step takes a second or two, on a slow processor perhaps ten; the work that asks
for no cancel, such as loading a model, is not worth waiting for longer than loading it again would take."""

CLOSE_GRACE: Final = 2.0
"""Seconds that a worker has to end by itself. It does so as soon as it reads the end of its input."""

_log = logging.getLogger(__name__)


@dataclass
class _Turn:
    """The plan that runs: its job, whether its end was asked for, and the worker that has it, once one does."""

    job: str
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    worker: WorkerProcess | None = None
    deadline: asyncio.TimerHandle | None = None

    def over(self) -> None:
        """Nothing that was set up for it shall happen any more."""
        if self.deadline is not None:
            self.deadline.cancel()


class LocalProcess:
    """An `Executor` with a worker process on this machine, for the models in one folder.

    A worker that is lost in mid-plan is replaced at once; one that is lost while idle, or that could not start, at the
    next run. So every run tries at most once to start one, and nothing is tried while nobody waits.

    A plan that was cancelled and whose worker does not answer for `CANCEL_GRACE` seconds counts as stopped, and its worker is
    killed. So is the worker of a run that is left before its end. A cancel while the worker still starts ends the plan
    at once and leaves the worker.

    Belongs to one event loop, on a thread that lives as long as the server.
    """

    def __init__(self, models: Path, log: Path, loras: Path | None = None) -> None:
        """Start nothing yet. `models` is the folder of models, `log` a file for what the worker prints.

        `loras` is the folder of LoRAs where that is none in the folder of models.

        It must be a file of the worker's own: it is set aside when it has grown too long, and its last line is taken to be
        the worker's. Its folder is the worker's working folder.
        """
        self._models = models
        self._loras = loras
        self._log = log
        self._worker: WorkerProcess | None = None
        self._starting: asyncio.Task[Failure | None] | None = None
        self._turn: _Turn | None = None
        self._device: DeviceInfo | None = None
        self._closed = False

    def command(self) -> list[str]:
        """Return the worker's command line."""
        return worker_command(self._models, self._loras)

    @property
    def state(self) -> WorkerState:
        """What the worker does now."""
        if self._starting is not None and not self._starting.done():
            return "starting"
        if self._worker is None or not self._worker.alive:
            return "stopped"
        return "ready" if self._turn is None else "busy"

    @property
    def device(self) -> DeviceInfo | None:
        """What the worker runs on, or the last one did; None until one has said so."""
        return self._device

    @property
    def pid(self) -> int | None:
        """Process id of the worker, None when there is none."""
        return self._worker.pid if self._worker is not None and self._worker.alive else None

    async def start(self) -> None:
        """Begin to start the worker if there is none, and return at once."""
        self._begin_start()

    async def run(self, plan: Plan, contents: Mapping[str, bytes]) -> AsyncIterator[PlanEvent]:
        """Run a plan on the attachments it names, by content hash: events, the last of them the plan's one end.

        Raises RuntimeError while another plan runs, and KeyError when a content that the plan names is missing.
        """
        if self._turn is not None:
            raise RuntimeError("this executor runs one plan at a time")
        turn = self._turn = _Turn(plan.job)
        try:
            event: PlanEvent | None = await self._give(turn, RunPlan(plan, contents))
            while not isinstance(event, PlanEnd):
                if event is not None:
                    yield event
                event = await self._hear(turn)
            turn.worker = None
        finally:
            turn.over()
            self._turn = None
            if turn.worker is not None:
                # left before its end: whatever it still says belongs to nobody
                turn.worker.kill()
        yield event

    def cancel(self, job: str) -> None:
        """Ask the plan of that job to end within one step; nothing happens when another one runs."""
        turn = self._turn
        if turn is None or turn.job != job or turn.cancelled.is_set():
            return
        turn.cancelled.set()
        if turn.worker is not None:
            turn.worker.send(CancelPlan(job))
            problem = f"did not stop within {CANCEL_GRACE:.0f} seconds"
            turn.deadline = asyncio.get_running_loop().call_later(CANCEL_GRACE, turn.worker.kill, problem)

    async def close(self) -> None:
        """End the worker, politely at first. A plan that runs ends with WentWrong; so does every later one."""
        self._closed = True
        if self._worker is not None:
            await self._worker.close(CLOSE_GRACE)
        if self._starting is not None:
            await asyncio.wait({self._starting})

    async def _give(self, turn: _Turn, order: RunPlan) -> PlanEnd | None:
        """Give the plan to a worker that is ready; return its end when that is not to be."""
        starting = self._begin_start()
        asked = asyncio.ensure_future(turn.cancelled.wait())
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if turn.cancelled.is_set():
            return Stopped()
        failure = starting.result()
        if failure is not None or self._worker is None:
            return WentWrong(failure or failures.worker_closed())
        try:
            self._worker.send(order)
        except FrameError as error:
            return WentWrong(failures.plan_too_large(str(error)))
        turn.worker = self._worker
        return None

    async def _hear(self, turn: _Turn) -> PlanEvent:
        assert turn.worker is not None
        said = await turn.worker.hear()
        if isinstance(said, Ready):
            turn.worker.kill("said twice that it is ready")
            return await self._hear(turn)
        if not isinstance(said, Ending):
            return said
        if self._closed:
            return WentWrong(failures.worker_closed())
        _log.warning("the worker %d ended with %d in mid-plan %s", turn.worker.pid, said.status, said.problem)
        self._begin_start()
        return Stopped() if turn.cancelled.is_set() else WentWrong(failures.worker_lost(said, turn.worker.log))

    def _begin_start(self) -> asyncio.Task[Failure | None]:
        """Return the start that goes on, or that led to the living worker, or else begin one."""
        alive = self._worker is not None and self._worker.alive
        if self._starting is None or (self._starting.done() and not alive):
            self._starting = asyncio.get_running_loop().create_task(self._start_worker(), name="start the worker")
        return self._starting

    async def _start_worker(self) -> Failure | None:
        """Start a worker and wait until it is ready; return why it is not."""
        if self._worker is not None:
            # two of them at once would be twice the memory
            await self._worker.gone()
        if self._closed:
            return failures.worker_closed()
        try:
            worker = self._worker = WorkerProcess(self.command(), self._log)
        except OSError as error:
            return failures.worker_not_launched(error)
        try:
            async with asyncio.timeout(START_GRACE):
                said = await worker.hear()
        except TimeoutError:
            worker.kill()
            return failures.worker_never_ready(START_GRACE, worker.log)
        if isinstance(said, Ready):
            self._device = said.device
            return None
        worker.kill()
        ending = said if isinstance(said, Ending) else Ending(0, "it spoke before it was ready")
        failure = failures.worker_closed() if self._closed else failures.worker_not_started(ending, worker.log)
        _log.info("a worker did not start: status %d, %s", ending.status, failure.happened)
        return failure
