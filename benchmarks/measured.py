"""Takes measures one after the other, each a line of JSON at once, until the time for them is up.

A measure that fails is a line that says so, and the next one goes on; a run that is killed loses nothing that it has measured.
"""

from __future__ import annotations

import gc
import json
import signal
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import torch

MEBIBYTE: Final = 1024**2

SHORTEST_S: Final = 2.0
"""Less time than this is not begun with: the cheapest measure needs it for its warm-up."""

LONGEST_WORD: Final = 300
"""Characters of a failure: enough to know it by, on a line that is still one."""

Figures = Mapping[str, Any]
"""What was measured, by name with unit (`step_ms`, `above_mib`), ready for JSON."""


class OutOfTime(Exception):
    """The time for a measure is up."""


class NotHere(Exception):
    """A measure cannot be taken on this device. The text says what it needs."""


class Measures:
    """Takes measures on `device` until `seconds` have passed since `started`, a time as `time.time` counts it.

    Lines go to the terminal and to `file`, each of them whole before the next measure is begun. `only` leaves out measures
    whose names do not begin with it.
    """

    def __init__(
        self, device: torch.device, seconds: float, started: float, file: Path | None = None, only: str = ""
    ) -> None:
        self.device = device
        self.lines: list[dict[str, Any]] = []
        self._end = started + seconds
        self._started = started
        self._file = file
        self._only = only

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        return self._end - time.time()

    def take(self, name: str, way: Callable[[], Figures], at_most_s: float | None = None) -> None:
        """Take a measure, in at most that many of the seconds that are left; only on a main thread is it broken off."""
        if not name.startswith(self._only):
            return
        seconds = self.left_s if at_most_s is None else min(at_most_s, self.left_s)
        if seconds < SHORTEST_S:
            self._tell(name, {"left_out": "the time is up"})
            return
        begun = time.time()
        try:
            with limited(seconds):
                figures = dict(way())
        except NotHere as reason:
            figures = {"left_out": str(reason)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the next measure has its turn
            figures = {"failed": f"{type(error).__name__}: {error}"[:LONGEST_WORD]}
        self._tell(name, {**figures, "took_s": round(time.time() - begun, 2)})
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def _tell(self, name: str, figures: Figures) -> None:
        line = {"measure": name, **figures, "at_s": round(time.time() - self._started, 1)}
        self.lines.append(line)
        text = json.dumps(line)
        print(text, flush=True)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(text + "\n")


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTime when what goes on in it takes longer than `seconds`."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"not done after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def finish(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Memory:
    """How much more memory than at its beginning a device's tensors took at the worst moment since, in MiB; None on a processor."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._before = 0
        if device.type == "cuda":
            finish(device)
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
            self._before = torch.cuda.memory_allocated(device)

    def figures(self) -> dict[str, float | None]:
        """`above_mib`, and `in_all_mib` with what was there before."""
        if self._device.type != "cuda":
            return {"above_mib": None, "in_all_mib": None}
        peak = torch.cuda.max_memory_allocated(self._device)
        return {
            "above_mib": round((peak - self._before) / MEBIBYTE, 1),
            "in_all_mib": round(peak / MEBIBYTE, 1),
        }


def timed(way: Callable[[], object], device: torch.device, rounds: int, warm_ups: int = 2) -> list[float]:
    """Seconds of each round, after some that do not count."""
    times = []
    for number in range(warm_ups + rounds):
        finish(device)
        begun = time.perf_counter()
        way()
        finish(device)
        if number >= warm_ups:
            times.append(time.perf_counter() - begun)
    return times


def spread(name: str, times: list[float]) -> dict[str, Any]:
    """The median of some seconds in ms, under `name`, with the least, the most and their number."""
    milliseconds = [round(second * 1000, 3) for second in times]
    return {
        f"{name}_ms": round(statistics.median(milliseconds), 3),
        "least_ms": min(milliseconds),
        "most_ms": max(milliseconds),
        "count": len(milliseconds),
    }
