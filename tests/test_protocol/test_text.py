"""Whatever a file is called, and whatever a foreign message says, can be told."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import EVENTS, Failure, Refused, carriable, decode_message, encode_message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("crème brûlée 🍮", "crème brûlée 🍮"),
        (os.fsdecode(b"cr\xe8me"), "cr?me"),
        ("\ud800", "?"),
        ("a\udfff\ud83d\ude00b", "a???b"),
    ],
)
def test_halves_of_surrogate_pairs_become_question_marks_and_the_rest_stays(text, expected):
    assert carriable(text) == expected


@given(st.text(st.characters(categories=["Cs", "L", "S", "Z"])))
def test_any_text_can_travel_and_keeps_its_length(text):
    carried = carriable(text)

    assert len(carried) == len(text)
    assert carriable(carried) == carried
    refused = Refused("submit", Failure("no", carried, "Nothing."), "")
    assert decode_message(encode_message(refused), EVENTS) == refused
