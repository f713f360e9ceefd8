"""What a model is shown to work from."""

from dataclasses import replace

import pytest

from backend.executors.exchange import contents_of
from backend.plan import make_plan
from protocol import MAX_REFERENCES, Bounds, Extent, Raster

SQUARE = Extent(512, 512)
PART = Bounds(100, 100, 200, 200)


def reference(number, side=8):
    return Raster(f"{number:064x}", side * side * 4, side, side, "rgba")


@pytest.fixture
def editing(facts):
    return replace(facts, variant="edit", references=3)


def test_most_models_take_none_and_say_so(facts, job_of):
    plan = make_plan(job_of(SQUARE, references=(reference(1),)), facts)
    assert (plan.references, plan.edits) == ((), False)
    assert plan.notes == (f"{facts.title} does not work from reference pictures, so they were left out.",)
    assert not make_plan(job_of(SQUARE), facts).notes


@pytest.mark.parametrize("part", [PART, None])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_model_that_edits_is_shown_the_canvas_first_and_as_it_is(editing, job_of, part, strength):
    canvas = {} if part else {"image": reference(9, 512)}
    job = job_of(SQUARE, part, references=(reference(1), reference(2)), strength=strength, **canvas)
    plan = make_plan(job, editing)
    assert plan.edits
    assert plan.image is not None
    assert plan.prefill == "none"
    assert plan.references == (reference(1), reference(2))
    assert not plan.notes


def test_what_is_too_many_is_left_out_and_told(editing, job_of):
    plan = make_plan(job_of(SQUARE, PART, references=tuple(map(reference, range(1, 6)))), editing)
    assert plan.references == (reference(1), reference(2))
    assert plan.notes[0].endswith("2 reference pictures at most beside the canvas: the last 3 were left out.")


@pytest.mark.parametrize(("part", "strength", "edits"), [(PART, 1.0, True), (None, 0.99, True), (None, 1.0, False)])
def test_one_that_paints_new_pictures_too_is_shown_the_canvas_where_the_job_is_about_it(
    facts, job_of, part, strength, edits
):
    both = replace(facts, references=3)
    canvas = {} if part else {"image": reference(9, 512)}
    plan = make_plan(job_of(SQUARE, part, strength=strength, references=(reference(1), reference(2)), **canvas), both)
    assert (plan.edits, plan.references) == (edits, (reference(1), reference(2)))
    assert (plan.image is not None) == edits
    assert not plan.notes


@pytest.mark.parametrize("part", [PART, None])
@pytest.mark.parametrize("variant", ["edit", "base"])
def test_where_there_is_room_for_one_the_painters_own_goes_before_the_canvas(facts, job_of, part, variant):
    single = replace(facts, variant=variant, references=1)
    canvas = {} if part else {"image": reference(9, 512)}
    plan = make_plan(job_of(SQUARE, part, references=(reference(1), reference(2)), **canvas), single)
    assert (plan.edits, plan.references) == (False, (reference(1),))
    # what is selected is filled in its surroundings all the same, and all of it is new where nothing is
    assert (plan.prefill, plan.image is None) == (("blur", False) if part else ("none", True))
    assert plan.notes[0].endswith("1 reference picture at most: the last 1 was left out.")
    without = make_plan(job_of(SQUARE, PART), single)
    assert (without.edits, without.references) == (True, ())


@pytest.mark.parametrize("part", [PART, None])
def test_one_for_layers_is_always_shown_what_it_takes_apart(facts, job_of, part):
    layered = replace(facts, variant="layered", references=1, layers=10)
    canvas = {} if part else {"image": reference(9, 512)}
    plan = make_plan(job_of(SQUARE, part, references=(reference(1),), layers=4, **canvas), layered)
    assert (plan.edits, plan.references) == (True, ())
    assert plan.image is not None
    assert plan.notes == (f"{facts.title} does not work from reference pictures, so they were left out.",)


def test_references_travel_with_the_plan(editing, job_of):
    plan = make_plan(job_of(SQUARE, PART, references=(reference(1),)), editing)
    assert reference(1).content in contents_of(plan)
    assert reference(1) in job_of(SQUARE, PART, references=(reference(1),)).rasters


def test_a_job_with_too_many_is_none(job_of):
    with pytest.raises(ValueError, match="references"):
        job_of(SQUARE, references=tuple(map(reference, range(1, MAX_REFERENCES + 2))))
