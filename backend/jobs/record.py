"""What is known of one job from when it is submitted until its end is kept."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

from protocol import Job, Progress, to_plain

from .queue import JobKey
from .readers import Reader


@dataclass(eq=False)
class Record:
    """A job on its way to its end.

    `missing` are the contents it still waits for, asked of `source`. `over` is set once: with the end on its way to the
    spool, nothing may begin another.
    """

    owner: str
    job: Job
    source: Reader
    state: Literal["receiving", "queued", "running"] = "receiving"
    missing: set[str] = field(default_factory=set)
    place: int = 0
    progress: Progress | None = None
    cancelled: bool = False
    over: bool = False

    @property
    def key(self) -> JobKey:
        """Owner and id."""
        return JobKey(self.owner, self.job.id)


def digest(job: Job) -> str:
    """Return a hash that tells a job from every other one, without telling what is in it."""
    plain = json.dumps(to_plain(job), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()
