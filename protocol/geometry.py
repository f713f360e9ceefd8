"""Sizes and rectangles on a canvas, in whole pixels; x to the right, y down.

The plugin cuts its snapshot and the backend its crop with the same `context_bounds`, so they are never a pixel apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Extent:
    """A size in pixels; both sides at least 1."""

    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"an extent needs sides of at least 1 pixel, got {self.width} x {self.height}")

    @property
    def area(self) -> int:
        """Number of pixels."""
        return self.width * self.height

    @property
    def longest(self) -> int:
        """The longer side, in pixels."""
        return max(self.width, self.height)

    @property
    def shortest(self) -> int:
        """The shorter side, in pixels."""
        return min(self.width, self.height)

    def scaled(self, factor: float) -> Extent:
        """This size times `factor`, rounded to whole pixels, never below 1."""
        return Extent(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    def rounded_to(self, multiple: int) -> Extent:
        """The nearest size whose sides are multiples of `multiple`, never below one multiple."""
        return Extent(
            *(max(multiple, (side + multiple // 2) // multiple * multiple) for side in (self.width, self.height))
        )

    def __str__(self) -> str:
        return f"{self.width} x {self.height}"


@dataclass(frozen=True)
class Bounds:
    """A rectangle: its left upper pixel, which may be off the canvas, and its size of at least 1 x 1."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"bounds need sides of at least 1 pixel, got {self.width} x {self.height}")

    @staticmethod
    def of(extent: Extent) -> Bounds:
        """All of a canvas of that size."""
        return Bounds(0, 0, extent.width, extent.height)

    @property
    def right(self) -> int:
        """The column after the last one."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The row after the last one."""
        return self.y + self.height

    @property
    def extent(self) -> Extent:
        """The size without the place."""
        return Extent(self.width, self.height)

    def contains(self, other: Bounds) -> bool:
        """Whether every pixel of `other` is one of these."""
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom

    def intersection(self, other: Bounds) -> Bounds | None:
        """The common pixels, or None where there are none."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        return Bounds(left, top, right - left, bottom - top) if right > left and bottom > top else None

    def padded(self, by: int) -> Bounds:
        """Grown by that many pixels on each side (`by` >= 0)."""
        return Bounds(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def moved(self, dx: int, dy: int) -> Bounds:
        """The same size, shifted."""
        return Bounds(self.x + dx, self.y + dy, self.width, self.height)

    def relative_to(self, outer: Bounds) -> Bounds:
        """The same pixels, counted from the left upper pixel of `outer`."""
        return self.moved(-outer.x, -outer.y)


@dataclass(frozen=True)
class Context:
    """How much of the surroundings a model wants to see around a selection.

    `padding` is a share of the selection's longer side, added on each side; `minimum` is the least side of the result in
    pixels. Both are met only as far as the canvas reaches.
    """

    padding: float
    minimum: int

    def __post_init__(self) -> None:
        if not 0 <= self.padding <= 16:
            raise ValueError(f"padding must lie between 0 and 16, got {self.padding}")
        if self.minimum < 1:
            raise ValueError(f"minimum must be at least 1 pixel, got {self.minimum}")


def context_bounds(canvas: Extent, selection: Bounds, context: Context) -> Bounds:
    """Return the part of the canvas that a job on `selection` needs: selection plus surroundings, as square as it can be.

    The result contains the selection's part on the canvas and lies inside the canvas. At an edge it is moved inwards
    before it is cut, so that a selection in a corner sees as much as one in the middle.

    Raises ValueError when the selection lies wholly off the canvas.
    """
    whole = Bounds.of(canvas)
    inside = selection.intersection(whole)
    if inside is None:
        raise ValueError(f"the selection at {selection.x}, {selection.y} lies outside the canvas of {canvas}")
    side = max(inside.extent.longest + 2 * ceil(context.padding * inside.extent.longest), context.minimum)
    x, width = _centred(inside.x, inside.width, side, canvas.width)
    y, height = _centred(inside.y, inside.height, side, canvas.height)
    return Bounds(x, y, width, height)


def _centred(start: int, length: int, wanted: int, limit: int) -> tuple[int, int]:
    """Return a span of `wanted` around start..start+length, moved and then cut to 0..limit."""
    size = min(wanted, limit)
    return min(max(0, start - (size - length) // 2), limit - size), size
