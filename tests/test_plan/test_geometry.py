"""Whatever the picture and the selection: crops stay inside, sizes fit the model, and what is scaled down is told."""

import math
from dataclasses import replace

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from backend.families.facts import ModelFacts
from backend.plan import Plan, PlanError, make_plan
from protocol import MAX_MASK_REACH, Bounds, Context, Extent, Job, context_bounds

MODELS = ("sd15", "tiny", "starter", "bounded")

sides = st.one_of(st.integers(1, 8000), st.integers(1, 300))
reaches = st.one_of(st.none(), st.integers(0, MAX_MASK_REACH))


@st.composite
def geometries(draw) -> tuple[Extent, Bounds]:
    """A picture and a selection in it."""
    extent = Extent(draw(sides), draw(sides))
    width, height = draw(st.integers(1, extent.width)), draw(st.integers(1, extent.height))
    x, y = draw(st.integers(0, extent.width - width)), draw(st.integers(0, extent.height - height))
    return extent, Bounds(x, y, width, height)


def planned(job: Job, facts: ModelFacts, most_pixels: int | None = None) -> Plan:
    """A plan; examples that no model can paint are left to tests of their own."""
    try:
        return make_plan(job, facts, most_pixels)
    except PlanError as error:
        assume(error.failure.code not in ("too_thin", "out_of_memory"))
        raise


def out_of_shape(plan: Plan) -> float:
    return abs(math.log((plan.size.width / plan.size.height) / (plan.crop.width / plan.crop.height)))


@pytest.mark.parametrize("name", MODELS)
@given(geometries(), reaches, reaches, st.one_of(st.none(), st.integers(64 * 64, 2048 * 2048)))
@example((Extent(1, 1), Bounds(0, 0, 1, 1)), None, None, None)
@example((Extent(8000, 8000), Bounds(7999, 0, 1, 1)), None, None, None)
@example((Extent(2048, 1536), Bounds(0, 0, 2048, 1536)), 1024, 1024, 64 * 64)
def test_every_plan_of_a_fill_keeps_its_bounds(models, job_of, name, geometry, grow, feather, memory):
    facts = models[name]
    extent, selection = geometry
    plan = planned(job_of(extent, selection, grow=grow, feather=feather), facts, memory)

    assert Bounds.of(extent).contains(plan.crop)
    assert plan.crop.contains(plan.result)
    assert plan.result == selection
    assert plan.size.width % facts.multiple == plan.size.height % facts.multiple == 0
    bound = min(facts.most_pixels, memory or facts.most_pixels)
    assert plan.size.area <= bound
    assert facts.most_side is None or plan.size.longest <= facts.most_side
    assert out_of_shape(plan) <= math.log(1.5) + 1e-9
    too_long = facts.most_side is not None and plan.crop.extent.longest > facts.most_side
    assert len(plan.notes) == (plan.crop.extent.area > bound or too_long)
    if plan.notes:
        assert plan.matters == ("size",)
        assert plan.size.area < plan.crop.extent.area
        assert str(plan.crop.extent) in plan.notes[0]
        assert str(plan.size) in plan.notes[0]


@pytest.mark.parametrize("name", MODELS)
@given(sides, sides)
def test_a_picture_without_a_mask_is_made_whole(models, job_of, name, width, height):
    plan = planned(job_of(Extent(width, height)), models[name])
    assert plan.crop == plan.result == Bounds(0, 0, width, height)
    assert plan.mask is None
    assert plan.image is None


@given(st.integers(1, 5000), st.floats(0.5, 2))
def test_ordinary_proportions_are_kept_and_painted_large_enough(facts, job_of, height, ratio):
    plan = make_plan(job_of(Extent(max(1, round(height * ratio)), height)), facts)
    real = (max(1, round(height * ratio))) / height
    assume(0.5 <= real <= 2)
    assert out_of_shape(plan) < math.log(1.1)
    assert plan.size.shortest >= facts.least_side
    assert plan.size.area >= 0.7 * facts.native**2


@pytest.mark.parametrize(
    "extent",
    [Extent(512, 512), Extent(640, 512), Extent(512, 768), Extent(768, 768), Extent(704, 576), Extent(1024, 320)],
    ids=str,
)
def test_what_fits_is_painted_pixel_for_pixel(facts, job_of, extent):
    assert make_plan(job_of(extent), facts).size == extent


@pytest.mark.parametrize(
    ("extent", "size"),
    [
        (Extent(256, 256), Extent(512, 512)),
        (Extent(2048, 2048), Extent(768, 768)),
        (Extent(4096, 2048), Extent(1024, 512)),
        (Extent(2048, 4096), Extent(512, 1024)),
    ],
    ids=str,
)
def test_what_does_not_fit_is_scaled(facts, job_of, extent, size):
    assert make_plan(job_of(extent), facts).size == size


def test_memory_goes_before_what_the_model_could_paint(facts, job_of):
    plan = make_plan(job_of(Extent(768, 768)), facts, most_pixels=512 * 512)
    assert plan.size == Extent(512, 512)
    assert "memory" in plan.notes[0]
    assert make_plan(job_of(Extent(768, 768)), facts, most_pixels=768 * 768).notes == ()


def test_too_little_memory_is_told_apart_from_too_thin_a_picture(facts, job_of):
    with pytest.raises(PlanError) as short_of_memory:
        make_plan(job_of(Extent(512, 512)), facts, most_pixels=64 * 64 - 1)
    assert short_of_memory.value.failure.code == "out_of_memory"
    with pytest.raises(PlanError) as thin:
        make_plan(job_of(Extent(20000, 8)), facts)
    assert thin.value.failure.code == "too_thin"
    assert "20000 x 8" in thin.value.failure.happened


@pytest.mark.parametrize("tall", [False, True])
def test_a_side_is_no_longer_than_the_model_has_places_for(models, job_of, tall):
    def of(width: int, height: int) -> Extent:
        return Extent(height, width) if tall else Extent(width, height)

    facts = models["bounded"]
    # enlarged until its shorter side is what the model paints well, it would be 768 x 64
    assert make_plan(job_of(of(192, 16)), facts).size == of(384, 32)
    assert make_plan(job_of(of(192, 16)), facts).notes == ()
    # of fewer pixels than it paints at once, but too long
    plan = make_plan(job_of(of(800, 25)), facts)
    assert plan.size.longest <= 384
    assert "longer than the 384 that Bounded has room for" in plan.notes[0]
    assert f"painted at {plan.size}" in plan.notes[0]
    with pytest.raises(PlanError) as thin:
        make_plan(job_of(of(4000, 25)), facts)
    assert thin.value.failure.code == "too_thin"


@pytest.mark.parametrize("name", MODELS)
@given(st.integers(1, 800), st.floats(1, 10), st.booleans())
def test_only_extreme_shapes_are_refused(models, job_of, name, short, ratio, tall):
    long = int(short * ratio)
    extent = Extent(short, long) if tall else Extent(long, short)
    assert make_plan(job_of(extent), models[name]).size.area <= models[name].most_pixels


@pytest.mark.parametrize("name", MODELS)
@given(geometries())
def test_a_snapshot_cut_by_the_models_context_is_used_whole(models, job_of, name, geometry):
    canvas, selection = geometry
    context = models[name].context
    snapshot = context_bounds(canvas, selection, context)
    plan = planned(job_of(snapshot.extent, selection.relative_to(snapshot)), models[name])
    assert plan.crop == Bounds.of(snapshot.extent)


def test_the_embedded_model_sees_little_more_than_the_selection(models, job_of):
    for side in (60, 100, 400, 900):
        plan = make_plan(job_of(Extent(2000, 2000), Bounds(500, 500, side, side)), models["starter"])
        assert 0.83 <= side / plan.crop.width <= 0.87
        assert plan.size == Extent(128, 128)


@given(geometries(), reaches, reaches, st.floats(0, 4), st.integers(1, 1024))
def test_the_crop_holds_all_that_denoising_may_change(facts, job_of, geometry, grow, feather, padding, minimum):
    extent, selection = geometry
    wanting = replace(facts, context=Context(padding, minimum))
    plan = planned(job_of(extent, selection, grow=grow, feather=feather), wanting)
    reached = selection.padded(plan.mask.grow + plan.mask.feather).intersection(Bounds.of(extent))
    assert plan.crop.contains(reached)
    assert plan.crop.contains(context_bounds(extent, selection, wanting.context))
