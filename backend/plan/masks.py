"""How far a fill reaches past the painter's selection, and how soft it ends, where the painter leaves that open."""

from __future__ import annotations

from math import ceil
from typing import Final

from protocol import MAX_MASK_REACH, Bounds, Job

from .plan import MaskPlan

FEATHER_SHARE: Final = 1 / 20
"""Of the selection's shorter side. Measured there and not on the diagonal, so that a long thin selection is not dissolved.
krita-ai-diffusion takes a tenth of the diagonal, 72 pixels for 512 x 512, and is known to leak; this makes 26 of it."""

MOST_FEATHER: Final = 64
"""Pixels. A wider transition would repaint the surroundings rather than meet them."""

EDGE_PER_FEATHER: Final = 2
"""The paint's visible edge falls off over half the feather: within it, the denoised surroundings still match the old ones."""

LEAST_CORE: Final = 4
"""The edge takes at most this part of the selection's shorter side, on each side, so that a small one keeps a solid core."""


def mask_plan(job: Job) -> MaskPlan | None:
    """Return how the job's mask is used; None for a job without one."""
    if job.mask is None or job.selection is None:
        return None
    shorter = job.selection.extent.shortest
    feather = min(round(shorter * FEATHER_SHARE), MOST_FEATHER) if job.feather is None else job.feather
    # half the feather outwards: the blur's inner half then ends where the painter's edge begins
    grow = min(ceil(feather / 2), MAX_MASK_REACH) if job.grow is None else job.grow
    edge = min(feather // EDGE_PER_FEATHER, shorter // LEAST_CORE)
    return MaskPlan(job.mask, job.selection, grow, feather, edge)


def reach_of(mask: MaskPlan) -> int:
    """Pixels past the selection in which denoising may change something, at most."""
    return mask.grow + mask.feather


def room_for(selection: Bounds, reach: int) -> int:
    """Least side of a crop around the selection that holds the reach on both sides."""
    return selection.extent.longest + 2 * reach
