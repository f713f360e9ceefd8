"""Steps spaced by a beta distribution, close together at both ends (Lee et al. 2024, arXiv 2407.12173).

diffusers has it only where scipy is, which nothing else here needs.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

SHAPE: Final = 0.6
"""Both parameters of the distribution, as diffusers' `_convert_to_beta` sets them."""

NODES, WEIGHTS = np.polynomial.legendre.leggauss(48)
HALVINGS: Final = 60
"""Of the interval in which a quantile is sought: beyond float64's precision."""


def beta_spaced(sigmas: torch.Tensor) -> torch.Tensor:
    """The first and last noisy one of `sigmas` `[steps + 1]` kept, and those between put at the quantiles. Ends in 0."""
    most, least = float(sigmas[0]), float(sigmas[-2])
    shares = beta_quantile(1 - np.linspace(0, 1, len(sigmas) - 1))
    return torch.from_numpy(np.append(least + shares * (most - least), 0.0).astype(np.float32))


def beta_quantile(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where the symmetric beta distribution with `SHAPE` has each share, 0 to 1, of its mass below it."""
    lower = np.minimum(shares, 1 - shares)
    low, high = np.zeros_like(lower), np.full_like(lower, 0.5)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        beyond = _mass_below(middle) > lower
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    found = (low + high) / 2
    return np.where(shares > 0.5, 1 - found, found)


def _mass_below(at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the distribution's mass below `at`, at most 0.5."""
    half = _integral(np.array(0.5))
    return 0.5 * _integral(at) / half


def _integral(end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of x^(a-1) (1-x)^(a-1) from 0 to `end`, up to a factor: by u = x^a, in which it has no pole at 0."""
    width = np.asarray(end)[..., None] ** SHAPE / 2
    inner = (1 - (width * (NODES + 1)) ** (1 / SHAPE)) ** (SHAPE - 1)
    summed: npt.NDArray[np.float64] = (width * WEIGHTS * inner).sum(-1)
    return summed
