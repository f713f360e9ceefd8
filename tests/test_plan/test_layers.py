"""Pictures that are taken apart into layers: which model does it, what it is shown, and what of the rest changes by it."""

from dataclasses import replace

import pytest

from backend.families.facts import FAMILIES, Readings, facts_of_model
from backend.plan import PlanError, make_plan
from protocol import MAX_LAYERS, Bounds, Extent

SQUARE = Extent(640, 640)
PART = Bounds(100, 100, 200, 200)


@pytest.fixture
def layered():
    readings = Readings(640, 8, 2, 16, 512, "flow", variant="layered", references=1, layers=MAX_LAYERS)
    return facts_of_model(FAMILIES["qwen"], "layered", "Qwen-Image-Layered", readings)


def failure_of(job, facts):
    with pytest.raises(PlanError) as refused:
        make_plan(job, facts)
    return refused.value.failure


@pytest.mark.parametrize("part", [PART, None])
def test_the_model_is_shown_what_it_takes_apart(layered, job_of, part):
    plan = make_plan(job_of(SQUARE, part, layers=3, **({} if part else {"with_image": True})), layered)
    assert (plan.layers, plan.edits, plan.prefill) == (3, True, "none")
    assert plan.image is not None
    assert plan.result == (part or Bounds.of(SQUARE))
    assert plan.notes == ()


def test_without_words_the_picture_is_described_by_the_model_and_guided_as_with_them(layered, job_of):
    plan = make_plan(job_of(SQUARE, PART, layers=3, prompt=" "), layered)
    assert plan.words_of(0).prompt.text == ""
    assert (plan.guidance, plan.strength) == (4.0, 1.0)


def test_it_works_at_its_own_size(layered, job_of):
    assert make_plan(job_of(Extent(2000, 2000), layers=3, with_image=True), layered).size.area <= 700 * 700
    assert layered.context.minimum == 640


def test_a_model_that_makes_none_says_so(facts, job_of):
    failure = failure_of(job_of(SQUARE, layers=2, with_image=True), facts)
    assert failure.code == "no_layers"
    assert failure.happened == f"{facts.title} takes no picture apart into layers."
    assert "Qwen-Image-Layered" in failure.remedy


def test_a_model_that_makes_nothing_else_wants_to_know_how_many(layered, job_of):
    for job in (job_of(SQUARE), job_of(SQUARE, PART)):
        failure = failure_of(job, layered)
        assert failure.code == "layers_wanted"
        assert "1 to 10" in failure.remedy


def test_more_than_the_model_makes_are_too_many(layered, job_of):
    failure = failure_of(job_of(SQUARE, PART, layers=5), replace(layered, layers=4))
    assert failure.code == "too_many_layers"
    assert "at most 4 layers, not 5" in failure.happened


def test_facts_agree_on_what_makes_layers(layered):
    for wrong in ({"layers": 0}, {"variant": "edit"}):
        with pytest.raises(ValueError, match="layers"):
            replace(layered, **wrong)
