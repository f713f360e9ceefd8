"""Crops must stay on the canvas and keep the selection, wherever it lies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import Bounds, Context, Extent, context_bounds

sides = st.integers(1, 5000)
extents = st.builds(Extent, sides, sides)
bounds = st.builds(Bounds, st.integers(-5000, 5000), st.integers(-5000, 5000), sides, sides)
contexts = st.builds(Context, st.floats(0, 4), st.integers(1, 2048))


@given(extents, bounds, contexts)
def test_context_contains_the_selection_and_stays_on_the_canvas(canvas, selection, context):
    inside = selection.intersection(Bounds.of(canvas))
    if inside is None:
        with pytest.raises(ValueError, match="outside the canvas"):
            context_bounds(canvas, selection, context)
        return
    crop = context_bounds(canvas, selection, context)
    assert Bounds.of(canvas).contains(crop)
    assert crop.contains(inside)
    assert crop.width >= min(canvas.width, context.minimum)
    assert crop.height >= min(canvas.height, context.minimum)


def test_a_corner_sees_as_much_as_the_middle():
    middle = context_bounds(Extent(1000, 1000), Bounds(450, 450, 100, 100), Context(0.5, 64))
    corner = context_bounds(Extent(1000, 1000), Bounds(0, 0, 100, 100), Context(0.5, 64))
    assert middle == Bounds(400, 400, 200, 200)
    assert corner == Bounds(0, 0, 200, 200)


@given(bounds, bounds)
def test_an_intersection_is_common_to_both(one, other):
    common = one.intersection(other)
    assert common == other.intersection(one)
    if common is not None:
        assert one.contains(common)
        assert other.contains(common)


@given(extents, st.sampled_from([4, 8, 16, 64]))
def test_rounding_keeps_within_half_a_multiple(extent, multiple):
    rounded = extent.rounded_to(multiple)
    assert rounded.width % multiple == 0
    assert abs(rounded.width - extent.width) <= max(multiple // 2, multiple - extent.width)


def test_an_extent_without_pixels_does_not_exist():
    with pytest.raises(ValueError, match="at least 1 pixel"):
        Extent(0, 5)
