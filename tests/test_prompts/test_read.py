"""A painter's text as a whole: comments, LoRAs, choices and weights together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.prompts import (
    MAX_WEIGHT,
    Draws,
    Fragment,
    LoraUse,
    Prompt,
    no_wildcards,
    read_prompt,
    without_comments,
)
from backend.prompts.loras import MAX_LORAS, take_loras
from protocol import MAX_NAME_CHARS, from_plain, to_plain


def read(text, seed=0, wildcards=no_wildcards):
    return read_prompt(text, Draws(seed, "prompt"), wildcards)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a cat # not a dog", "a cat"),
        ("a cat # one\na hat", "a cat\na hat"),
        ("# one\n  # two\na cat", "a cat"),
        ("a cat\n# the end", "a cat\n"),
        (r"a \# sign # gone", r"a \# sign"),
        (r"a \\# gone", r"a \\"),
        ("#", ""),
        ("no comment", "no comment"),
    ],
)
def test_comments_end_with_their_line(text, left):
    assert without_comments(text) == left


@pytest.mark.parametrize(
    ("text", "left", "loras"),
    [
        ("a <lora:ink:0.8>cat", "a cat", [("ink", 0.8)]),
        ("<lora:ink>", "", [("ink", 1.0)]),
        ("<lora:a b/c-d.1:-.5> <lora:e:+2>", " ", [("a b/c-d.1", -0.5), ("e", 2.0)]),
        ("<lora: ink : 1.5 >", "", [("ink", 1.5)]),
        (r"\<lora:ink:1> <3 a<b>c", r"\<lora:ink:1> <3 a<b>c", []),
    ],
)
def test_loras_are_taken_out(text, left, loras):
    assert take_loras(text) == (left, tuple(LoraUse(*lora) for lora in loras), ())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<lora::1>", "name"),
        (f"<lora:{'x' * (MAX_NAME_CHARS + 1)}:1>", "name"),
        ("<lora:ink:strong>", "one number"),
        ("<lora:ink:>", "one number"),
        ("<lora:ink:1:0.5>", "one number"),
        ("<lora:ink:nan>", "one number"),
        ("<lora:ink:10.5>", "between -10 and 10"),
        ("<hypernet:ink:1>", "'hypernet'"),
    ],
)
def test_what_is_no_lora_stays_and_is_told(text, why):
    left, loras, (note,) = take_loras(f"a {text} b")
    assert (left, loras) == (f"a {text} b", ())
    assert why in note


def test_only_so_many_loras_are_taken():
    left, loras, notes = take_loras("<lora:a>" * (MAX_LORAS + 1))
    assert (left, len(loras), len(notes)) == ("<lora:a>", MAX_LORAS, 1)


def test_all_of_the_language_at_once():
    reading = read("(a {cat}:1.2) # mine\n<lora:ink:0.5>, \\#1 BREAK [dog] ")
    assert reading.prompt == Prompt(((Fragment("a cat", 1.2), Fragment("\n, #1")), (Fragment("dog", 1 / 1.1),)))
    assert reading.loras == (LoraUse("ink", 0.5),)
    assert reading.notes == ()


def test_what_is_drawn_may_be_any_of_the_language():
    reading = read("__all__", wildcards=lambda name: ("<lora:{ink}:0.5> ([a]:1.5) BREAK {b}",))
    assert reading.loras == (LoraUse("ink", 0.5),)
    assert reading.prompt == Prompt(((Fragment("a", 1 / 1.1 * 1.5),), (Fragment("b"),)))


def test_notes_of_every_kind_are_told():
    reading = read("{a <lora:x:99> (b __c__")
    assert len(reading.notes) == 4
    assert reading.prompt.text == "{a <lora:x:99> b __c__"


def test_plain_words_are_told_of_in_one_piece():
    prompt = read("(a cat:1.2), sat BREAK [down]").prompt
    assert prompt.is_weighted
    assert prompt.is_broken
    assert prompt.plain() == Prompt.of("a cat, sat down")
    plain = prompt.plain()
    assert not plain.is_weighted
    assert not plain.is_broken
    assert Prompt.of("") == Prompt() == read(" ").prompt
    assert Prompt().text == ""


@pytest.mark.parametrize("weight", [10.1, -10.1, float("nan"), float("inf")])
def test_values_hold_no_weight_out_of_range(weight):
    with pytest.raises(ValueError, match="between"):
        Fragment("a", weight)
    with pytest.raises(ValueError, match="between"):
        LoraUse("a", weight)


LANGUAGE = st.lists(st.sampled_from([*"ab (){}[]<>|:._-\\#\n20", "BREAK", "<lora:a:1>", "__a__"]), max_size=60)


@given(LANGUAGE.map("".join))
def test_any_text_can_be_read_and_travels(text):
    reading = read(text, wildcards=lambda name: ("{x|y}", "(z:1.3)"))
    assert from_plain(Prompt, to_plain(reading.prompt)) == reading.prompt
    assert all(abs(lora.weight) <= MAX_WEIGHT for lora in reading.loras)
    assert all(note.strip() for note in reading.notes)
