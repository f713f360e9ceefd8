"""Words that are drawn: from the text, from wildcards, by the seed and the place alone."""

from collections import Counter
from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.prompts import Draws, NoWildcard, no_wildcards
from backend.prompts.choices import (
    MAX_CHOICE_WEIGHT,
    MAX_DEPTH,
    MAX_DRAWS,
    MAX_SEVERAL,
    NO_WEIGHTS,
    UNPAIRED,
    draw_choices,
)
from protocol import MAX_PROMPT_CHARS

FILES = {
    "colours": ("red", "green", "blue"),
    "animals/birds": ("{great |}tit", "__colours__ finch"),
    "weighed": ("0::never", "1::always"),
    "loop": ("__loop__",),
    "bomb": ("__bomb__" * 9,),
    "long": ("x" * 9_999,),
}


def wildcards(name):
    if name not in FILES:
        raise NoWildcard(f"no {name}")
    return FILES[name]


def drawn(text, seed=0):
    return draw_choices(text, Draws(seed, "prompt"), wildcards)


def all_drawn(text, seeds=200):
    return {drawn(text, seed)[0] for seed in range(seeds)}


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("a {red|blue} rose", {"a red rose", "a blue rose"}),
        (
            "{summer|autumn|winter|spring} is coming",
            {f"{s} is coming" for s in ("summer", "autumn", "winter", "spring")},
        ),
        ("{a|b {c|d}|}", {"a", "b c", "b d", ""}),
        ("{a}", {"a"}),
        ("__colours__ rose", {"red rose", "green rose", "blue rose"}),
        ("__animals/birds__", {"great tit", "tit", "red finch", "green finch", "blue finch"}),
        ("{__colours__|black}", {"red", "green", "blue", "black"}),
        ("{0::a|1::b|0.5::c}", {"b", "c"}),
        ("__weighed__", {"always"}),
        (r"\{a|b\} and \__colours\__", {r"\{a|b\} and \__colours\__"}),
        (r"{a\|b|c\}}", {r"a\|b", r"c\}"}),
        ("({red|blue}:{1.1|1.2})", {f"({colour}:{weight})" for colour in ("red", "blue") for weight in ("1.1", "1.2")}),
        ("{2$$a|b|c}", {"a, b", "a, c", "b, a", "b, c", "c, a", "c, b"}),
        ("{ 1-2$$ and $$a|b}", {"a", "b", "a and b", "b and a"}),
        ("{-1$$a|b}", {"a", "b"}),
        ("{2-$$a|b}", {"a, b", "b, a"}),
        ("{0-1$$a}", {"", "a"}),
        ("{9$$$$a|b}", {"ab", "ba"}),
        ("{2$$0::a|3::b|c}", {"b, c", "c, b"}),
        ("{2$$a {x|y}|b}", {"a x, b", "a y, b", "b, a x", "b, a y"}),
        ("{3$$ $$__colours__}", {" ".join(row) for row in permutations(("red", "green", "blue"))}),
        ("{2$$__weighed__}", {"always"}),
        ("$$ {$$a} {b$$c}", {"$$ $$a b$$c"}),
        ("a | b, snake_case, _ and __ __", {"a | b, snake_case, _ and __ __"}),
    ],
)
def test_every_choice_comes_and_no_other(text, possible):
    assert all_drawn(text) == possible
    assert drawn(text)[1] == ()


def test_choices_are_equally_likely_but_for_their_weights():
    count = Counter(drawn("{3::a|b}", seed)[0] for seed in range(4000))
    assert 2850 < count["a"] < 3150
    count = Counter(drawn("{a|b|c}", seed)[0] for seed in range(3000))
    assert all(900 < number < 1100 for number in count.values())


def test_the_documented_hash_says_what_is_drawn():
    """Computed here anew, from what the docstrings say: nobody's words may change with the next version."""

    def number(place):
        return int.from_bytes(sha256(f"scumble words 1\nprompt\n7\n{place}".encode()).digest()[:8], "big")

    options = [f"{n:03}" for n in range(1000)]
    text = "{" + "|".join(options) + "}"
    assert drawn(f"{text} {text}", 7)[0] == " ".join(options[number(place) * 1000 // 2**64] for place in ("0", "1"))
    assert drawn("{" + text + "}", 7)[0] == options[number("0.0") * 1000 // 2**64]


def test_known_draws():
    assert [drawn("{a|b|c|d|e|f|g|h}", seed)[0] for seed in (0, 1, 2, 2**53 - 1)] == ["g", "f", "d", "c"]


def test_an_early_choice_does_not_change_a_later_one():
    late = [drawn("{a|b} {1|2|3|4|5}", seed)[0].split()[-1] for seed in range(50)]
    other = [drawn("{a {x|y} {x|y}|b} {1|2|3|4|5}", seed)[0].split()[-1] for seed in range(50)]
    assert late == other


def test_texts_of_one_picture_are_drawn_apart():
    text = "{a|b}" * 20
    assert draw_choices(text, Draws(0, "prompt"), wildcards) != draw_choices(text, Draws(0, "negative"), wildcards)


@pytest.mark.parametrize("text", ["a {b", "a b}", "{a|{b", "}{", "{a} }"])
def test_a_bracket_without_its_half_is_plain_and_told(text):
    said, notes = drawn(text)
    assert notes == (UNPAIRED,)
    assert said.replace("{", "").replace("}", "") == text.replace("{", "").replace("}", "")


def test_what_is_within_an_unpaired_bracket_is_drawn_all_the_same():
    assert all_drawn("{a {b|c}") == {"{a b", "{a c"}


@pytest.mark.parametrize("name", ["unknown", "../etc/passwd"])
def test_an_unknown_wildcard_stays_and_is_told(name):
    said, notes = drawn(f"a __{name}__ b")
    assert said == f"a __{name}__ b"
    assert notes == ((f"no {name}",) if name == "unknown" else ())


def test_where_there_are_no_wildcards_each_is_told():
    said, notes = draw_choices("__a__", Draws(0, "prompt"), no_wildcards)
    assert said == "__a__"
    assert "no folder of wildcards" in notes[0]


def test_a_wildcard_that_names_itself_ends():
    said, notes = drawn("__loop__")
    assert said == "__loop__"
    assert f"more than {MAX_DEPTH} deep" in notes[0]


def test_wildcards_that_name_many_others_end():
    said, notes = drawn("__bomb__")
    assert len(said) <= MAX_PROMPT_CHARS
    assert any(str(MAX_DRAWS) in note or str(MAX_PROMPT_CHARS) in note for note in notes)


def test_no_more_than_a_few_are_drawn_of_one_choice():
    said, notes = drawn(f"{{{MAX_SEVERAL + 1}$$" + "|".join(map(str, range(99))) + "}")
    assert len(set(said.split(", "))) == MAX_SEVERAL
    assert notes == (f"At most {MAX_SEVERAL} of one choice are drawn.",)
    assert len(drawn("{1-$$" + "|".join(map(str, range(99))) + "}", 5)[0].split(", ")) <= MAX_SEVERAL


def test_several_are_as_likely_as_their_weights_say():
    first = Counter(drawn("{1-2$$3::a|b}", seed)[0] for seed in range(4000))
    assert 1850 < first["a"] + first["b"] < 2150
    assert 2850 < first["a"] + first["a, b"] < 3150


def test_what_is_drawn_is_no_longer_than_a_prompt_may_be():
    said, notes = drawn("__long__ " * 4)
    assert len(said) <= MAX_PROMPT_CHARS
    assert said.count("x" * 9_999) == 1 + (MAX_PROMPT_CHARS - 2 * 9_999 >= 40)
    assert str(MAX_PROMPT_CHARS) in notes[0]


def test_more_choices_than_may_be_drawn_are_told():
    said, notes = drawn("{a}" * (MAX_DRAWS + 1))
    assert said == "a" * MAX_DRAWS + "{a}"
    assert str(MAX_DRAWS) in notes[0]


def test_brackets_nested_too_deep_are_told():
    text = "{" * 30 + "a" + "}" * 30
    said, notes = drawn(text)
    assert said == text[MAX_DEPTH:-MAX_DEPTH]
    assert f"more than {MAX_DEPTH} deep" in notes[0]


def test_a_weight_out_of_range_is_told_and_taken_as_it_stands():
    wrong = f"{MAX_CHOICE_WEIGHT + 1}::a"
    assert all_drawn(f"{{{wrong}|b}}", 50) == {wrong, "b"}
    assert "weighs at most" in drawn(f"{{{wrong}|b}}")[1][0]


def test_weights_of_nothing_but_0_are_told():
    assert all_drawn("{0::a|0::b}", 50) == {"a", "b"}
    assert drawn("{0::a|0::b}")[1] == (NO_WEIGHTS,)


@given(st.text(st.sampled_from("ab{}|_\\:2.$- "), max_size=80), st.integers(0, 2**53))
def test_any_text_can_be_drawn_and_stays_the_same(text, seed):
    said, notes = drawn(text, seed)
    assert (said, notes) == drawn(text, seed)
    assert len(said) <= max(len(text), MAX_PROMPT_CHARS)


@given(st.text(st.characters(exclude_characters="{}_", exclude_categories=["Cs"])))
def test_a_text_without_choices_stays(text):
    assert drawn(text) == (text, ())
