"""Two ways of doing a thing, timed in turn, so that a machine whose speed wanders is fair to both."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

WARM_UPS = 1
"""Rounds that do not count: caches, connections and the allocator are filled by then."""


@dataclass(frozen=True)
class Pair:
    """Medians of both ways in seconds, and the median of the rounds' ratios."""

    ours: float
    reference: float
    ratio: float

    def row(self, name: str) -> str:
        """Return a line of a Markdown table: name, ours and reference in ms, ratio."""
        return f"| {name} | {self.ours * 1000:.1f} | {self.reference * 1000:.1f} | {self.ratio:.2f} |"


async def in_turn(
    ours: Callable[[], Awaitable[None]],
    reference: Callable[[], Awaitable[None]],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Pair:
    """Run both `rounds` times, each time one after the other, after `WARM_UPS` rounds that do not count.

    `clock` tells seconds: those on the wall unless it is another one.
    """
    times: list[tuple[float, float]] = []
    for _ in range(rounds + WARM_UPS):
        times.append((await _timed(ours, clock), await _timed(reference, clock)))
    counted = times[WARM_UPS:]
    return Pair(
        statistics.median(own for own, _ in counted),
        statistics.median(other for _, other in counted),
        statistics.median(own / other for own, other in counted),
    )


async def _timed(way: Callable[[], Awaitable[None]], clock: Callable[[], float]) -> float:
    start = clock()
    await way()
    return clock() - start


def machine() -> str:
    """Return the line that says where figures come from."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
