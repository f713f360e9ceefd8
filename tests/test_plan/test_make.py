"""Words, steps, seeds: what the painter and the style say, and what the model's facts say where they are silent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.plan import PlanError, make_plan
from protocol import MAX_SEED, MAX_STEPS, Bounds, Extent, Style

SQUARE = Extent(512, 512)


def texts(plan):
    """Prompt and negative prompt of the first picture."""
    words = plan.words_of(0)
    return words.prompt.text, words.negative.text


def test_what_nobody_says_comes_from_the_facts(facts, job_of):
    plan = make_plan(job_of(SQUARE), facts)
    assert (plan.model, plan.family) == ("sd15", "sd1")
    assert (plan.steps, plan.guidance, plan.sampler) == (25, 7.5, "ddim")
    assert (texts(plan), plan.strength, plan.rescale) == (("a red apple", ""), 1.0, 0.0)
    assert plan.seeds == (0,)


def test_a_style_goes_before_the_facts(facts, job_of):
    style = Style(sampler="euler", steps=7, guidance=0.0, template="oil, {prompt}, {prompt}!", negative=" grey ")
    plan = make_plan(job_of(SQUARE, prompt=" a cat ", negative="people", style=style), facts)
    assert (plan.steps, plan.guidance, plan.sampler) == (7, 0.0, "euler")
    assert texts(plan) == ("oil, a cat, a cat!", "people, grey")


@pytest.mark.parametrize("prompt", ["", "  \n"])
def test_an_empty_prompt_leaves_it_to_the_surroundings(facts, job_of, prompt):
    style = Style(template="oil painting of {prompt}", negative="blurry", guidance=9.0)
    plan = make_plan(job_of(SQUARE, Bounds(9, 9, 99, 99), prompt=prompt, style=style), facts)
    assert (texts(plan), plan.guidance) == (("", ""), 1.0)


def test_an_empty_prompt_still_keeps_away_from_what_the_painter_does_not_want(facts, job_of):
    plan = make_plan(job_of(SQUARE, Bounds(9, 9, 99, 99), prompt="", negative="people"), facts)
    assert (texts(plan), plan.guidance) == (("", "people"), 7.5)


@pytest.mark.parametrize("negative", ["", "people"])
def test_without_words_the_blurred_surroundings_keep_a_say(facts, job_of, negative):
    plan = make_plan(job_of(SQUARE, Bounds(9, 9, 99, 99), prompt="", negative=negative), facts)
    assert (plan.strength, plan.prefill) == (facts.wordless_strength, "blur")
    assert plan.strength < 1


def test_without_words_and_surroundings_the_content_is_new(facts, job_of):
    assert make_plan(job_of(SQUARE, Bounds.of(SQUARE), prompt=""), facts).strength == 1
    assert make_plan(job_of(SQUARE, prompt=""), facts).strength == 1


def test_without_words_a_painters_own_strength_holds(facts, job_of):
    assert make_plan(job_of(SQUARE, Bounds(9, 9, 99, 99), prompt="", strength=0.3), facts).strength == 0.3


def test_a_model_without_negative_prompts_says_so(facts, job_of):
    without = replace(facts, negative_prompt=False)
    plan = make_plan(job_of(SQUARE, negative="people"), without)
    assert texts(plan) == ("a red apple", "")
    assert "no negative prompt" in plan.notes[0]
    assert make_plan(job_of(SQUARE, style=Style(negative="grey")), without).notes == ()


def test_a_models_own_words_go_around_the_styles_and_the_painters(facts, job_of):
    own = replace(facts, template="score_9, {prompt}", negative="score_4")
    style = Style(template="oil, {prompt}", negative="grey")
    plan = make_plan(job_of(SQUARE, prompt="a fox", negative="people", style=style), own)
    assert texts(plan) == ("score_9, oil, a fox", "people, grey, score_4")
    wordless = make_plan(job_of(SQUARE, prompt=""), own)
    assert texts(wordless) == ("", "")


def test_a_denoiser_that_is_told_of_guidance_is_told_of_it_without_words_too(facts, job_of):
    told = replace(facts, guidance_kind="embedded", guidance=30.0, negative_prompt=False)
    assert make_plan(job_of(SQUARE, prompt=""), told).guidance == 30.0
    assert make_plan(job_of(SQUARE, prompt="", style=Style(guidance=12.0)), told).guidance == 12.0


def test_an_unknown_sampler_names_those_there_are(facts, job_of):
    with pytest.raises(PlanError) as refused:
        make_plan(job_of(SQUARE, style=Style(sampler="magic")), facts)
    assert refused.value.failure.code == "unknown_sampler"
    assert "'magic'" in refused.value.failure.happened
    for sampler in facts.samplers:
        assert sampler in refused.value.failure.remedy


@given(st.floats(0, 1, exclude_min=True), st.integers(1, MAX_STEPS))
def test_every_strength_leaves_a_step(facts, job_of, strength, steps):
    job = job_of(SQUARE, with_image=True, strength=strength, style=Style(steps=steps))
    plan = make_plan(job, facts)
    assert int(plan.steps * plan.strength) >= 1
    assert plan.steps <= MAX_STEPS
    if int(steps * strength) >= 1:
        assert (plan.steps, plan.strength) == (steps, strength)
    elif strength >= 1 / MAX_STEPS:
        assert plan.strength == strength
        assert int(plan.steps * plan.strength) == 1


def test_refining_a_whole_picture_takes_the_picture_along(facts, job_of):
    assert make_plan(job_of(SQUARE, with_image=True, strength=0.5), facts).image is not None
    assert make_plan(job_of(SQUARE, with_image=True, strength=1.0), facts).image is None


@given(st.integers(0, MAX_SEED), st.integers(1, 16))
def test_each_picture_alone_has_the_seed_it_has_in_the_batch(facts, job_of, seed, count):
    batch = make_plan(job_of(SQUARE, seed=seed, count=count), facts)
    assert len(batch.seeds) == count
    assert [make_plan(job_of(SQUARE, seed=s), facts).seeds[0] for s in batch.seeds] == list(batch.seeds)
    assert len(set(batch.seeds)) == count


def test_what_only_the_way_back_needs_is_taken_over(facts, job_of):
    job = job_of(SQUARE, depth="u16", order="bgra", encoding="zlib", previews=False)
    plan = make_plan(job, facts)
    assert (plan.job, plan.depth, plan.order, plan.encoding, plan.previews) == (job.id, "u16", "bgra", "zlib", False)
