"""Batches of scenes with their captions, drawn ahead: beside the training in a thread, or in processes where a GPU waits for them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from ..data.render import Arrangement, arrange
from ..data.scenes import Composer
from . import team
from .text import Words

FORMER: Final = 0.2
"""Share of a batch that is drawn from the former stage, so that it is not forgotten."""

SPARE: Final = 4
"""Cores of a machine with a GPU that are left to the training itself."""

MOST_WORKERS: Final = 6
"""More processes than this draw faster than one GPU learns."""

AHEAD: Final = 3
"""Batches that each process has ready or under way."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Scenes as numbers, their captions as tokens (count, TEXT_LENGTH), and a number from 0 to 1 for what a part varies besides."""

    arranged: Arrangement
    ids: npt.NDArray[np.int64]
    chance: float


class Artist:
    """Makes the batch of a step, the same one whenever and wherever it is asked."""

    def __init__(
        self,
        composers: Sequence[Composer],
        words: Words,
        count: int,
        side: int,
        dropped: float,
        salt: int,
    ) -> None:
        """`dropped` is the share of captions left out; another `salt` gives other batches, and so does another process of a team."""
        self._composers, self._words = tuple(composers), words
        self._count, self._side, self._dropped, self._salt = count, side, dropped, (salt, team.rank())

    def __call__(self, step: int, stage: int) -> Batch:
        """The batch of a step in a stage; a share of FORMER is from the stage before."""
        rng = np.random.default_rng([*self._salt, stage, step])
        chosen = [max(0, stage - 1) if rng.random() < FORMER else stage for _ in range(self._count)]
        scenes = [self._composers[number].scene(rng) for number in chosen]
        captions = ["" if rng.random() < self._dropped else scene.caption for scene in scenes]
        return Batch(arrange(scenes, self._side, rng), self._words.rows(captions), float(rng.random()))


class Ahead(Generic[T]):
    """What `make` makes for each step of a stage, begun before it is asked for."""

    def __init__(self, make: Callable[[int, int], T], executor: Executor, depth: int) -> None:
        """`depth` results are kept ready besides the one that is asked for."""
        self._make, self._executor, self._depth = make, executor, depth
        self._begun: dict[tuple[int, int], Future[T]] = {}

    def take(self, step: int, stage: int) -> T:
        """The result for a step; those of the steps behind it are begun."""
        wanted = [(step + further, stage) for further in range(self._depth + 1)]
        for key in set(self._begun) - set(wanted):
            self._begun.pop(key).cancel()
        for key in wanted:
            if key not in self._begun:
                self._begun[key] = self._executor.submit(self._make, *key)
        return self._begun.pop(wanted[0]).result()

    def close(self) -> None:
        """End the thread or the processes."""
        self._executor.shutdown(wait=True, cancel_futures=True)


_employed: list[Artist] = []


def _employ(artist: Artist) -> None:
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    _employed.append(artist)


def _draw(step: int, stage: int) -> Batch:
    return _employed[-1](step, stage)


def in_processes(artist: Artist, workers: int) -> Ahead[Batch]:
    """The artist's batches from processes of their own."""
    context = multiprocessing.get_context("spawn")
    return Ahead(_draw, ProcessPoolExecutor(workers, context, _employ, (artist,)), AHEAD * workers)


def in_thread(make: Callable[[int, int], T]) -> Ahead[T]:
    """The results of `make`, one ahead, from a thread: on another core, or while this one waits."""
    return Ahead(make, ThreadPoolExecutor(1), 1)


def workers() -> int:
    """How many processes draw for a GPU on this machine."""
    return max(1, min(MOST_WORKERS, (os.cpu_count() or 1) - SPARE))
