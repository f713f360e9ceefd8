"""The language of prompts in a job: what is put together, what is drawn for whom, and what a model cannot read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.plan import Plan, make_plan
from backend.plan.words import MAX_NOTES, MAX_WHOLE_CHARS
from backend.prompts import Fragment, LoraUse, NoWildcard, Prompt, Words
from protocol import MAX_DRAWN_CHARS, MAX_PROMPT_CHARS, MAX_SEED, Bounds, Extent, Style

SQUARE = Extent(64, 64)
SELECTION = Bounds(9, 9, 9, 9)


@pytest.fixture
def t5(facts):
    """Facts of a model whose prompts take neither weights nor a negative one."""
    return replace(facts, title="FLUX.1", weights=False, negative_prompt=False, guidance_kind="embedded")


def wildcards(name):
    if name != "colours":
        raise NoWildcard(f"no {name}")
    return ("red", "green", "blue")


@pytest.fixture
def plan(facts, job_of):
    """Plan a job from nothing by its prompt."""

    def plan(prompt="", model=facts, selection=None, **fields) -> Plan:
        return make_plan(job_of(SQUARE, selection, prompt=prompt, **fields), model, wildcards=wildcards)

    return plan


def said(plan, picture=0):
    return plan.words_of(picture).prompt.text


def test_words_are_weighed(plan):
    made = plan("a (red:1.3) apple", negative="[people]")
    assert made.words == (
        Words(
            Prompt(((Fragment("a "), Fragment("red", 1.3), Fragment(" apple")),)),
            Prompt(((Fragment("people", 1 / 1.1),),)),
        ),
    )
    assert made.notes == ()


def test_a_template_may_weigh_and_draw_too(plan):
    style = Style(template="({prompt}:1.2), {oil}", negative="(grey:1.1)")
    made = plan("a cat", style=style)
    assert made.words_of(0).prompt == Prompt(((Fragment("a cat", 1.2), Fragment(", oil")),))
    assert made.words_of(0).negative == Prompt(((Fragment("grey", 1.1),),))


def test_the_models_own_words_go_around_the_styles(plan, facts):
    trained = replace(facts, template="best, {prompt}", negative="worst")
    made = plan("a cat", trained, negative="people", style=Style(template="{prompt}, oil", negative="grey"))
    assert (said(made), made.words_of(0).negative.text) == ("best, a cat, oil", "people, grey, worst")
    assert plan("", trained).words == (Words(),)


def test_a_comment_ends_with_the_painters_line_and_not_the_styles(plan):
    made = plan("a cat # not a dog", negative="people # at all", style=Style(template="{prompt}, oil", negative="grey"))
    assert (said(made), made.words_of(0).negative.text) == ("a cat, oil", "people, grey")


@pytest.mark.parametrize("prompt", ["# a cat", "  # one\n#two", "<lora:ink:0.5>", "<lora:ink> # a cat"])
def test_comments_and_loras_alone_are_no_prompt(plan, facts, prompt):
    made = plan(prompt, selection=SELECTION, style=Style(template="oil of {prompt}"))
    assert (said(made), made.guidance, made.strength) == ("", 1.0, facts.wordless_strength)
    assert [lora.name for lora in made.words_of(0).loras] == (["ink"] if "ink" in prompt else [])


def test_a_negative_prompt_of_comments_is_none(plan):
    assert plan("", selection=SELECTION, negative="# people").guidance == 1.0


def test_a_style_may_ask_for_a_lora_where_there_is_no_prompt(plan):
    made = plan("", selection=SELECTION, style=Style(template="oil {prompt} <lora:ink:0.5>"))
    assert made.words == (Words(loras=(LoraUse("ink", 0.5),)),)


def test_whether_there_is_a_prompt_does_not_hang_on_what_is_drawn(plan):
    """Else a picture of a batch would have another strength than the same one alone."""
    for seed in range(9):
        made = plan("{|a cat}", selection=SELECTION, seed=seed)
        assert (made.strength, made.guidance) == (1.0, 7.5)


@given(st.integers(0, MAX_SEED), st.integers(1, 16))
def test_each_picture_draws_what_it_draws_alone(facts, job_of, seed, count):
    def planned(seed, count):
        job = job_of(SQUARE, prompt="{a|b} __colours__", negative="{c|d}", seed=seed, count=count)
        return make_plan(job, facts, wildcards=wildcards)

    batch = planned(seed, count)
    for picture, own in enumerate(batch.seeds):
        assert planned(own, 1).words == (batch.words_of(picture),)


def test_pictures_differ_where_something_is_drawn_and_share_their_words_where_nothing_is(plan):
    drawn = plan("a __colours__ cat", count=16)
    assert len(drawn.words) == 16
    assert {said(drawn, picture) for picture in range(16)} == {f"a {colour} cat" for colour in ("red", "green", "blue")}
    assert len(plan("a cat", count=16).words) == 1
    assert len(plan("a {cat}", count=16).words) == 1


def test_prompt_and_negative_prompt_are_drawn_apart(plan):
    made = plan("{a|b}" * 20, negative="{a|b}" * 20)
    assert said(made) != made.words_of(0).negative.text


def test_what_cannot_be_meant_is_told_once_for_all_pictures(plan):
    made = plan("(a __cat__ {x|y}", count=16)
    assert said(made) in ("a __cat__ x", "a __cat__ y")
    assert len(made.notes) == 2
    assert "no cat" in made.notes


def test_no_more_is_told_than_is_read(plan):
    made = plan(" ".join(f"__none{number}__" for number in range(99)))
    assert len(made.notes) == MAX_NOTES + 1
    assert made.notes[-1].startswith("89 more things")


def test_a_model_without_weights_says_so_once_and_reads_the_words(plan, t5):
    made = plan("a (red:1.3) {cat|dog} BREAK [blue]", t5, count=16)
    assert said(made) in ("a red cat blue", "a red dog blue")
    assert not made.words_of(0).prompt.is_weighted
    assert not made.words_of(0).prompt.is_broken
    assert made.notes == (
        "FLUX.1 takes no weights in prompts, so they were left out.",
        "FLUX.1 reads a prompt in one piece, so BREAK was left out.",
    )
    assert plan("a (red:1.0) cat", t5).notes == ()


def test_what_a_model_has_no_use_for_is_told(plan, t5):
    made = plan("a cat", t5, negative="dog", style=Style(clip_skip=2, rescale=0.5))
    assert made.words == (Words(Prompt.of("a cat")),)
    for note, what in zip(made.notes, ("negative prompt", "clip skip", "rescale"), strict=True):
        assert what in note
        assert note.startswith("FLUX.1")
    assert plan("a cat", t5, negative="# dog", style=Style(clip_skip=1, rescale=0.0)).notes == ()


def test_guidance_that_is_told_to_the_denoiser_stays_where_there_is_no_prompt(plan, t5):
    assert plan("", t5, selection=SELECTION).guidance == t5.guidance


def test_clip_skip_is_the_styles_or_the_models(plan, facts):
    skipping = replace(facts, clip_skip=2)
    for model, style, skip in ((facts, None, 1), (skipping, None, 2), (skipping, 1, 1), (facts, 5, 5)):
        words = plan("a cat", model, negative="dog", style=Style(clip_skip=style)).words_of(0)
        assert (words.prompt.clip_skip, words.negative.clip_skip) == (skip, skip)


def test_rescale_is_the_styles(plan):
    assert plan("a cat", style=Style(rescale=0.7)).rescale == 0.7


def test_loras_go_along(plan):
    made = plan("a <lora:ink:0.5>cat<lora:{wash}>")
    assert made.words == (Words(Prompt.of("a cat"), Prompt(), (LoraUse("ink", 0.5), LoraUse("wash"))),)
    assert made.notes == ()


def test_a_lora_in_the_negative_prompt_is_left_out_and_told(plan):
    made = plan("a cat", negative="dog<lora:ink:0.5>")
    assert made.words == (Words(Prompt.of("a cat"), Prompt.of("dog")),)
    assert "prompt alone" in made.notes[0]


def test_a_template_cannot_make_words_of_all_memory(plan):
    template = "{prompt}" * (MAX_PROMPT_CHARS // len("{prompt}"))
    made = plan("x" * MAX_PROMPT_CHARS, style=Style(template=template))
    assert len(said(made)) <= MAX_WHOLE_CHARS
    assert said(made).startswith("x" * MAX_PROMPT_CHARS)


def test_a_plan_has_words_for_every_picture(plan):
    made = plan("a cat", count=3)
    with pytest.raises(ValueError, match="2 pictures for 3 seeds"):
        replace(made, words=made.words * 2)


# --- what was drawn


def test_what_a_picture_drew_is_told_as_the_painter_would_write_it(plan):
    made = plan("(a {red|green}:1.2) apple <lora:ink:0.5> # mine", count=8)
    assert set(made.drawn) == {f"(a {colour}:1.2) apple <lora:ink:0.5>" for colour in ("red", "green")}
    assert plan("a __colours__ apple").drawn[0].removeprefix("a ").removesuffix(" apple") in wildcards("colours")


def test_where_nothing_is_left_to_chance_nothing_is_told(plan):
    assert plan("a \\{red\\|green\\} (apple)", count=2).drawn == ("", "")
    assert plan("a __cat__").drawn == ("",)
    assert plan("", style=Style(template="{oil|ink} of {prompt}")).drawn == ("",)


def test_the_templates_are_left_out_unless_they_draw_as_well(plan, facts):
    style = Style(template="oil painting of {prompt}, detailed")
    model = replace(facts, template="best, {prompt}, sharp")
    (drawn,) = plan("a {red|green} apple", model, style=style).drawn
    assert drawn in ("a red apple", "a green apple")
    (drawn,) = plan("a {red|green} apple", model, style=Style(template="{oil|ink} of {prompt}")).drawn
    assert drawn in {
        f"best, {paint} of a {colour} apple, sharp" for paint in ("oil", "ink") for colour in ("red", "green")
    }


def test_what_was_drawn_is_bounded_and_can_travel(facts, job_of):
    def odd(name):
        return (f"red\x00 {'x' * MAX_DRAWN_CHARS}",)

    (drawn,) = make_plan(job_of(SQUARE, prompt="a __odd__"), facts, wildcards=odd).drawn
    assert len(drawn) == MAX_DRAWN_CHARS
    assert drawn.startswith("a red x")
    assert drawn.endswith("…")


def test_a_plan_has_as_many_prompts_as_pictures(plan):
    with pytest.raises(ValueError, match="prompts of 2 pictures"):
        replace(plan("an apple"), drawn=("a", "b"))
