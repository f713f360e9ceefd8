"""What a painter is told when a worker fails, and what to do then."""

from __future__ import annotations

import signal
from typing import Final

from protocol import Failure, carriable

from .exchange import EXIT_DEVICE_LOST
from .log import WorkerLog
from .process import Ending

MAX_LINE_CHARS: Final = 400
"""Of a line from the log in a painter's message: an error's own text fits, and nobody has to read a page."""


def worker_lost(ending: Ending, log: WorkerLog) -> Failure:
    """Return the failure of a plan whose worker ended while it ran."""
    remedy = f"Try again; a new painting process has been started. What it said is in {_place_of(log)}."
    if ending.problem:
        return Failure("worker_lost", f"The painting process {ending.problem}, and was ended.", remedy)
    if ending.status == -_SIGKILL:
        return Failure(
            "worker_lost",
            "The painting process was killed, perhaps because memory ran out.",
            f"Paint a smaller area, or close other programs, and try again. The log is {_place_of(log)}.",
        )
    if ending.status == EXIT_DEVICE_LOST:
        return Failure(
            "worker_lost",
            "The graphics card stopped answering in the middle of the work.",
            f"Try again; it is used anew. If it happens often, look for a newer driver. What it said is in {_place_of(log)}.",
        )
    return Failure("worker_lost", f"The painting process {_how(ending.status)} in the middle of the work.", remedy)


def worker_not_started(ending: Ending, log: WorkerLog) -> Failure:
    """Return the failure of a plan whose worker ended before it was ready."""
    why = ending.problem or log.last_line()[:MAX_LINE_CHARS] or f"it {_how(ending.status)}"
    return Failure("worker_not_started", f"The painting process could not start: {why}", _look_at(log))


def worker_never_ready(seconds: float, log: WorkerLog) -> Failure:
    """Return the failure of a plan whose worker did not become ready in time."""
    return Failure(
        "worker_not_started", f"The painting process was not ready after {seconds:.0f} seconds.", _look_at(log)
    )


def worker_not_launched(error: OSError) -> Failure:
    """Return the failure of a plan whose worker the system would not start."""
    return Failure(
        "worker_not_started",
        f"The painting process could not be started: {error}",
        "Check the named file, free memory or disk space, and try again. `scumble doctor` says what is missing.",
    )


def plan_too_large(problem: str) -> Failure:
    """Return the failure of a plan that no frame can hold."""
    return Failure("plan_too_large", f"This is too much for one picture: {problem}.", "Shorten the prompts.")


def worker_closed() -> Failure:
    """Return the failure of a plan that runs, or comes, while the backend ends."""
    return Failure("worker_closed", "The backend was stopped.", "Start it again, and paint once more.")


_SIGKILL: Final = 9
"""Windows has no such name."""


def _place_of(log: WorkerLog) -> str:
    return carriable(str(log.path))


def _look_at(log: WorkerLog) -> str:
    return f"`scumble doctor` says what is missing; the last lines of {_place_of(log)} say more. Then try again."


def _how(status: int) -> str:
    if status >= 0:
        return f"ended (exit status {status})"
    try:
        return f"crashed ({signal.Signals(-status).name})"
    except ValueError:
        return f"crashed (signal {-status})"
