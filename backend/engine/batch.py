"""How many pictures are painted at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from backend.families.facts import ModelFacts
from backend.plan import Plan
from backend.prompts import Words
from protocol import DeviceInfo, Extent

MOST_AT_ONCE = 8
"""More at once make none of them quicker, and the first one late."""


def room_for(facts: ModelFacts, size: Extent, device: DeviceInfo, loras: int = 0, room: int | None = None) -> int:
    """How many pictures of `size` pixels a device can be trusted with at once, at least 1; `loras` are bytes of those in the model.

    `room` is what the denoiser leaves of the device, in bytes, where the model's parts take turns there; None where all are there.

    A processor is as busy with one as with several, so there they come one after the other, and the first one sooner.
    """
    if device.kind in ("cpu", "unknown"):
        return 1
    if room is not None:
        return max(1, min(MOST_AT_ONCE, (room - loras) // facts.bytes_of(size.area, device.kind)))
    return max(1, min(MOST_AT_ONCE, facts.pixels_in(device.memory, device.kind, loras) // size.area))


def batches(seeds: tuple[int, ...], most: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the seeds in their order, at most `most` at a time, with the number of the first one."""
    for first in range(0, len(seeds), most):
        yield first, seeds[first : first + most]


def told_alike(plan: Plan) -> Iterator[tuple[int, tuple[int, ...], Words]]:
    """Yield the seeds of pictures in a row that are told the same in words, with the number of the first one."""
    for words, row in groupby(range(len(plan.seeds)), plan.words_of):
        numbers = list(row)
        yield numbers[0], tuple(plan.seeds[number] for number in numbers), words
