"""Weights: the examples and their values are those of the docstring of AUTOMATIC1111's parse_prompt_attention."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.prompts import MAX_WEIGHT, Fragment, Prompt
from backend.prompts.attention import EDITED, MAX_FRAGMENTS, MAX_NESTING, TOO_DEEP, TOO_MANY, TOO_MUCH, UNPAIRED, weigh


def pairs(text):
    """The prompt as A1111 writes it: a list of words and weights, of a text without BREAK."""
    prompt, _ = weigh(text)
    (part,) = prompt.parts
    return [(fragment.text, fragment.weight) for fragment in part]


DOCUMENTED = [
    ("normal text", [("normal text", 1.0)]),
    ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
    ("(unbalanced", [("unbalanced", 1.1)]),
    (r"\(literal\]", [("(literal]", 1.0)]),
    ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
            ("a ", 1.0),
            ("house", 1.5730000000000004),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641000000000006),
            (".", 1.1),
        ],
    ),
    ("(abc:3.12)", [("abc", 3.12)]),
    ("[abc]", [("abc", 1 / 1.1)]),
    (r"\\", [("\\", 1.0)]),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTED)
def test_documented_examples_have_their_documented_weights_to_the_bit(text, expected):
    assert pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("((word))", [("word", 1.1 * 1.1)]),
        ("(a:1.2) (b: 1.3 ) (c:+.5)", [("a", 1.2), (" ", 1.0), ("b", 1.3), (" ", 1.0), ("c", 0.5)]),
        ("(a:0)(b:-1)", [("a", 0.0), ("b", -1.0)]),
        ("8:30, ratio 1:2", [("8:30, ratio 1:2", 1.0)]),
        ("(at 8:30:1.2)", [("at 8:30", 1.2)]),
        ("(a:b)", [("a:b", 1.1)]),
        (r"hatsune \(vocaloid\), \{x\|y\} \<3 \# \_ a\b", [("hatsune (vocaloid), {x|y} <3 # _ a\\b", 1.0)]),
        (r"(one \) two:1.5)", [("one ) two", 1.5)]),
        ("(a[b)c]", [("a", 1.1), ("b", 1.1 * (1 / 1.1)), ("c", 1 / 1.1)]),
    ],
)
def test_brackets_numbers_and_plain_signs(text, expected):
    assert pairs(text) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a cat BREAK a dog", ["a cat", "a dog"]),
        ("a cat\nBREAK\n\na dog", ["a cat", "a dog"]),
        ("BREAK a dog", ["", "a dog"]),
        ("a BREAK BREAK b", ["a", "", "b"]),
        ("a dog BREAK ", ["a dog"]),
        ("BREAKFAST, a break, UNBREAK", ["BREAKFAST, a break, UNBREAK"]),
        ("", []),
        ("BREAK", []),
    ],
)
def test_break_parts_a_prompt(text, parts):
    prompt, notes = weigh(text)
    assert ["".join(fragment.text for fragment in part) for part in prompt.parts] == parts
    assert notes == ()


def test_a_weight_reaches_over_a_break():
    assert weigh("(a BREAK b:1.2) c")[0].parts == (
        (Fragment("a", 1.2),),
        (Fragment("b", 1.2), Fragment(" c")),
    )


@pytest.mark.parametrize("text", ["(open", "[open", "closed)", "closed]", "closed:1.2)", "(a]", ":-)"])
def test_a_bracket_without_its_half_is_told(text):
    assert weigh(text)[1] == (UNPAIRED,)


@pytest.mark.parametrize(
    ("text", "said"), [("closed)", "closed)"), ("a:1.2)", "a:1.2)"), (":-)", ":-)"), ("(a]", "a]")]
)
def test_one_that_was_never_opened_is_a_plain_sign(text, said):
    assert weigh(text)[0].text == said


@pytest.mark.parametrize("text", ["(cat:10.1)", "(cat:-99)", "(cat: 1000000000 )"])
def test_a_weight_out_of_range_is_told_and_taken_as_it_stands(text):
    prompt, notes = weigh(f"(a {text} b:2)")
    assert prompt == Prompt(((Fragment(f"a {text} b", 2.0),),))
    assert len(notes) == 1
    assert "10 times at most" in notes[0]


def test_what_is_taken_as_it_stands_moves_no_other_bracket():
    prompt, _ = weigh("(a [b (c:99) d] e:2)")
    assert prompt.parts == ((Fragment("a ", 2.0), Fragment("b (c:99) d", 1 / 1.1 * 2), Fragment(" e", 2.0)),)
    assert weigh("([a:99) b]")[0].parts == ((Fragment("("), Fragment("a:99) b", 1 / 1.1)),)


@pytest.mark.parametrize(("text", "weight"), [("(" * 40 + "a" + ")" * 40, 10.0), ("((a:-9):9)", -10.0)])
def test_nested_weights_end_at_the_most(text, weight):
    prompt, notes = weigh(text)
    assert prompt.parts == ((Fragment("a", weight),),)
    assert notes == (TOO_MUCH,)


def test_brackets_beyond_the_bound_are_plain_signs():
    prompt, notes = weigh("[" * (MAX_NESTING + 2) + "a")
    assert prompt.text == "[[a"
    assert TOO_DEEP in notes


@pytest.mark.parametrize("text", ["".join(f"(a{n}:1.{n % 7})" for n in range(2000)), "a BREAK " * 2000])
def test_a_prompt_has_a_bounded_number_of_fragments_and_all_of_its_words(text):
    prompt, notes = weigh(text)
    assert sum(len(part) + 1 for part in prompt.parts) <= MAX_FRAGMENTS + 2
    assert notes == (TOO_MANY,)
    if "BREAK" in text:
        assert prompt.text.split() == ["a"] * 2000
    else:
        assert prompt.text == "".join(f"a{n}" for n in range(2000))


@pytest.mark.parametrize("text", ["a [cat:dog:0.5]", "[cat|dog] b", "[cat::.3]"])
def test_prompt_editing_is_not_known_and_told(text):
    assert weigh(text)[1] == (EDITED,)


@pytest.mark.parametrize("text", ["[cat]", "[8:30 clock]", r"\[cat\|dog\]", "[cat] | [dog]"])
def test_what_is_no_prompt_editing_is_not_told(text):
    assert weigh(text)[1] == ()


@given(st.text(st.sampled_from("ab ()[]:.10-\\|BREAK\n"), max_size=60))
def test_any_text_is_a_prompt(text):
    prompt, notes = weigh(text)
    assert len(notes) == len(set(notes))
    for part in prompt.parts:
        assert all(fragment.text for fragment in part)
        assert all(abs(fragment.weight) <= MAX_WEIGHT for fragment in part)
    left = [sign for sign in text if sign in "ab"]
    assert [sign for sign in prompt.text if sign in "ab"] == left


@given(st.text(st.characters(exclude_characters="()[]\\", exclude_categories=["Cs"]), max_size=60))
def test_words_without_brackets_weigh_1_and_are_not_changed(text):
    prompt, notes = weigh(text)
    assert not prompt.is_weighted
    assert notes == ()
    if "BREAK" not in text:
        assert prompt == Prompt.of(text)
