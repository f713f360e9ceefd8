"""Tells for how long the main thread stood still. Under whichever binding the process has."""

from __future__ import annotations

import time
from collections.abc import Callable

from krita_plugin.qt import QtCore

TRIES = 6
"""Another process may take the machine for a while; what is measured would hold the main thread every time."""


class Heartbeat:
    """A timer that notes the longest time between two of its beats, in seconds."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = QtCore.QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


def least_stall(what: str, once: Callable[[], float], bound: float) -> float:
    """Return the shortest of some stalls, in seconds, and print it; no more tries than it takes to be below `bound`."""
    stalls: list[float] = []
    while not stalls or (min(stalls) > bound and len(stalls) < TRIES):
        stalls.append(once())
    print(f"longest stall of the main thread while {what}: {1000 * min(stalls):.1f} ms")
    return min(stalls)
