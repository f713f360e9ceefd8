"""At which size a model paints a crop."""

from __future__ import annotations

from math import ceil, log, sqrt
from typing import Final

from backend.families.facts import ModelFacts
from protocol import MAX_SIDE, Extent

WORST_DISTORTION: Final = 1.5
"""Factor by which a crop's proportions may change on its way to the model and back. Round things turn into eggs above it;
below, the way back undoes what the model did not see."""

DISTORTION_WEIGHT: Final = 4.0
"""What proportions count against area when a size is rounded: 5 % out of shape are as bad as 20 % too few pixels."""

BELOW_LEAST_PENALTY: Final = 1.0
"""For a side below what the model paints well: as bad as a quarter out of shape, since it then draws only parts of things."""

CELLS_AROUND: Final = (-1, 0, 1, 2)
"""How many multiples from the rounded-down shorter side are tried: one below, to its nearest ones, one above."""


def distortion(crop: Extent, size: Extent) -> float:
    """Factor between the two proportions, at least 1."""
    ratio = size.width * crop.height / (size.height * crop.width)
    return max(ratio, 1 / ratio)


def area_bound(facts: ModelFacts, most_pixels: int | None) -> int:
    """Pixels that may be painted at once: what the model paints well, and what the device has memory for (None = unknown)."""
    return facts.most_pixels if most_pixels is None else min(facts.most_pixels, most_pixels)


def side_bound(facts: ModelFacts) -> int:
    """Pixels that a side may have: those for which the model has places, or more than any picture has."""
    return MAX_SIDE if facts.most_side is None else facts.most_side


def painting_size(crop: Extent, facts: ModelFacts, most_pixels: int | None = None) -> Extent | None:
    """Return the size at which the model paints a crop, or None when there is none in tolerable proportions.

    Crops from the native area up to the bound keep their size but for rounding, so that nothing is resampled without
    need; smaller ones are enlarged to the native area, larger ones reduced to the bound. In this order it holds: never
    above the bounds of area and side, multiples of `facts.multiple`, proportions, least side, area.
    """
    bound = area_bound(facts, most_pixels)
    scale = _scale(crop, facts, bound)
    tall = crop.height > crop.width
    short, long = crop.shortest * scale, crop.longest * scale
    sizes = []
    most, most_long = bound // facts.multiple**2, side_bound(facts) // facts.multiple
    for shorter, longer in _cells(short / facts.multiple, long / short, most, most_long):
        width, height = (shorter, longer) if tall else (longer, shorter)
        size = Extent(width * facts.multiple, height * facts.multiple)
        if distortion(crop, size) <= WORST_DISTORTION:
            sizes.append(size)
    return min(sizes, key=lambda size: _cost(crop, size, scale, facts.least_side)) if sizes else None


def _scale(crop: Extent, facts: ModelFacts, bound: int) -> float:
    """Factor from the crop to its ideal size, before rounding."""
    scale = facts.native / sqrt(crop.area) if crop.area < facts.native**2 else 1.0
    return min(max(scale, facts.least_side / crop.shortest), sqrt(bound / crop.area), side_bound(facts) / crop.longest)


def _cells(short: float, ratio: float, most: int, most_long: int) -> list[tuple[int, int]]:
    """Return (shorter, longer) sides in whole multiples near the ideal ones, at most `most_long` each and `most` in all."""
    found = []
    for offset in CELLS_AROUND:
        shorter = int(short) + offset
        if 1 <= shorter <= most_long:
            ideal = shorter * ratio
            for longer in {min(longer, most_long) for longer in (int(ideal), ceil(ideal), most // shorter)}:
                if longer >= 1 and shorter * longer <= most:
                    found.append((shorter, longer))
    return found


def _cost(crop: Extent, size: Extent, scale: float, least_side: int) -> float:
    area = abs(log(size.area / (crop.area * scale * scale)))
    below = BELOW_LEAST_PENALTY if size.shortest < least_side else 0.0
    return DISTORTION_WEIGHT * log(distortion(crop, size)) + area + below
