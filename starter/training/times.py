"""Which timesteps are trained on: each way spreads a batch over them, 0 for a clean picture to 999 for nothing but noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

LAST: Final = 999
"""The timestep of nothing but noise."""

SHIFT: Final = 2.0
"""How strongly times of much noise are preferred while a model learns what stands where: that is decided there."""

FIRST_SHIFT: Final = 30.0
"""The same at the very beginning: what the text asks for shows at nothing but noise first."""

KEPT: Final = 0.5
"""Share of the outlines' times that is spread as before, so that what much noise decides (place, size, which way a thing looks) is kept."""

MIDDLE: Final = -0.4
"""Where most of the others lie, as a logit: at two fifths of all times. Outlines got lost there: of two things in a picture the
classifier found both in 48 of 100 that began from nothing but noise, and in no more than 62 that began as they really are, with half of it."""

WIDTH: Final = 1.0
"""Standard deviation of their logits, the usual one of logit-normal times (Esser et al. 2024)."""

Times = Callable[[Tensor], Tensor]
"""Timesteps, as long integers, for numbers spread evenly over 0 to 1 (both of one dimension)."""


def spread(count: int, device: torch.device) -> Tensor:
    """One number from each of `count` equal parts of 0 to 1, at random."""
    return (torch.arange(count, device=device) + torch.rand(count, device=device)) / count


def shifted(shift: float) -> Times:
    """Times of much noise preferred by a factor."""
    return lambda even: as_steps(shift * even / (1 + (shift - 1) * even))


def outlines(even: Tensor) -> Tensor:
    """Times at which outlines are decided, logit-normal, and a share of KEPT with times of much noise preferred."""
    middling = torch.sigmoid(MIDDLE + WIDTH * torch.special.ndtri((even - KEPT) / (1 - KEPT)))
    return torch.where(even < KEPT, shifted(SHIFT)(even / KEPT), as_steps(middling))


def as_steps(share: Tensor) -> Tensor:
    """Shares of all times, 0 to 1, as timesteps."""
    return (share * (LAST + 1)).long().clamp(0, LAST)
