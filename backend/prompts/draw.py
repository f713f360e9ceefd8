"""Chance that is the same everywhere: a hash of the seed and the place, instead of a generator with a state.

A place in a prompt gets the same number whatever was drawn before it, and on every machine: no library's random numbers are
asked, whose order may change with its version.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

PURPOSE: Final = "scumble words 1"
"""Goes into every hash. Another number would change the words of every job that was ever painted."""

_RANGE: Final = 2**64


@dataclass(frozen=True)
class Draws:
    """The draws of one text of one picture. `stream` tells its texts apart, so that prompt and negative prompt differ."""

    seed: int
    stream: str

    def number(self, place: tuple[int, ...]) -> int:
        """Return the number drawn at a place, from 0 to 2**64 - 1.

        It is the first eight bytes, big-endian, of the SHA-256 of `PURPOSE`, the stream, the seed, and the place with a
        dot between its numbers, in UTF-8, each on a line of its own with a line feed between them.
        """
        text = "\n".join((PURPOSE, self.stream, str(self.seed), ".".join(map(str, place))))
        return int.from_bytes(sha256(text.encode()).digest()[:8])

    def index(self, place: tuple[int, ...], sums: Sequence[int]) -> int:
        """Return which of several is drawn at a place, each as likely as its weight says.

        `sums` are the weights added up so far, with each: whole numbers that never fall, the last one above 0.
        """
        return bisect_right(sums, self.number(place) * sums[-1] // _RANGE)
