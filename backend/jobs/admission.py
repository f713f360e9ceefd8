"""Which jobs are taken: within what the server has announced, and only as many as can wait."""

from __future__ import annotations

from typing import Final

from protocol import DEPTH_BYTES, ORDER_CHANNELS, Job, Limits

from . import failures
from .failures import Refusal

MAX_WAITING: Final = 256
"""Jobs of all owners that receive, wait or run: with a picture every few seconds, a quarter of an hour's work."""

MAX_RESULT_BYTES: Final = 2 * 1024**3
"""Pictures of one job. Half of the spool, so that one job cannot drive out everything."""


def check_admission(job: Job, limits: Limits, own: int, everybodys: int) -> None:
    """Raise Refusal when a job cannot be taken beside so many of its owner's and of everybody's."""
    if own >= limits.queued_jobs:
        raise Refusal(failures.queue_full(own))
    if everybodys >= MAX_WAITING:
        raise Refusal(failures.server_full(everybodys))
    largest = max((raster.size for raster in job.rasters), default=0)
    for what, got, most in (
        ("pictures", job.count, limits.count),
        ("steps", job.style.steps or 1, limits.steps),
        ("pixels", job.extent.area, limits.pixels),
        ("pixels on a side", job.extent.longest, limits.side),
        ("bytes of one attachment", largest, limits.content_bytes),
    ):
        if got > most:
            raise Refusal(failures.beyond_limit(what, got, most))
    area = job.selection.extent.area if job.selection is not None else job.extent.area
    # a picture in layers comes as a whole, too
    result = job.count * (1 + job.layers) * area * ORDER_CHANNELS[job.order] * DEPTH_BYTES[job.depth]
    if result > MAX_RESULT_BYTES:
        raise Refusal(failures.result_too_large(result, MAX_RESULT_BYTES))
