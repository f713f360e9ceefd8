"""Text that is long and dull is read in no time, and as the plain expressions read it, which take seconds for it."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backend.prompts import Draws, attention, choices, loras, no_wildcards, read_prompt, without_comments
from backend.prompts.numbers import NUMBER
from protocol import MAX_PROMPT_CHARS

PLAIN_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
PLAIN_COMMENT = re.compile(r"^[^\S\n]*#[^\n]*(?:\n|\Z)|(\\.)|[^\S\n]*#[^\n]*", re.MULTILINE | re.DOTALL)
PLAIN_BREAK = re.compile(r"\s*\bBREAK\b\s*")
PLAIN_EDITED = re.compile(r"(?<!\\)\[[^\[\]]*(?:\|[^\[\]]*|:\s*[0-9.]+\s*)\]")
PLAIN_TOKENS = re.compile(attention._TOKENS.pattern.replace(NUMBER, PLAIN_NUMBER), re.VERBOSE | re.DOTALL)
PLAIN_WEIGHT = re.compile(rf"\s*({PLAIN_NUMBER})\s*::")
PLAIN_LORA_WEIGHT = re.compile(rf"[+-]?{PLAIN_NUMBER}\Z")

BLANKS = " " * MAX_PROMPT_CHARS
DIGITS = "9" * (MAX_PROMPT_CHARS - 10)

SIGNS = [
    "a",
    "#",
    "\\",
    "\n",
    " ",
    "\t",
    "\u3000",
    "\x1c",
    "[",
    "]",
    "(",
    ")",
    ":",
    "::",
    "|",
    ".",
    "0",
    "12",
    "+",
    "-",
    "_",
]
TEXTS = st.lists(st.sampled_from([*SIGNS, "BREAK"]), max_size=25).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        BLANKS,
        "a" + BLANKS[:-2] + "b",
        "\n " * (MAX_PROMPT_CHARS // 2),
        f"[a:{DIGITS}",
        f"(a:{DIGITS}",
        f"(a:{DIGITS[:9000]}{BLANKS[:9000]}b)",
        "[" + "|" * (MAX_PROMPT_CHARS - 1),
        f"[{':0' * (MAX_PROMPT_CHARS // 2 - 1)}",
        f"{{{DIGITS}a::b|c}}",
        f"<lora:a:{DIGITS}b>",
        "__a" * (MAX_PROMPT_CHARS // 3),
        "__a" + BLANKS[:-4] + ",",
        "{1-2" + BLANKS[:-6] + "}",
        "<" + "a" * (MAX_PROMPT_CHARS - 2) + ">",
    ],
    ids=lambda text: f"{text[:8]!r}...{text[-3:]!r}",
)
def test_the_longest_text_of_one_sign_is_read_at_once(text):
    assert len(text) <= MAX_PROMPT_CHARS
    begun = time.process_time()
    read_prompt(text, Draws(0, "prompt"), no_wildcards)
    assert time.process_time() - begun < 0.5


@settings(max_examples=200)
@given(TEXTS)
@example("a\\  # blanks behind a backslash")
@example("\\ # gone")
@example("\\\n # a line of its own")
def test_comments_are_those_of_the_plain_expression(text):
    assert without_comments(text) == PLAIN_COMMENT.sub(lambda found: found[1] or "", text)


@settings(max_examples=200)
@given(TEXTS)
@example(" BREAK BREAK\u3000\nBREAK")
@example(" a ")
def test_a_text_is_parted_as_by_the_plain_expression(text):
    assert attention._parted(text) == PLAIN_BREAK.split(text)


@settings(max_examples=200)
@given(TEXTS)
@example("(a:12. )[b:.5][c|d]")
def test_brackets_and_numbers_are_those_of_the_plain_expressions(text):
    def tokens(expression):
        return [(found[0], found.groupdict()) for found in expression.finditer(text)]

    assert tokens(attention._TOKENS) == tokens(PLAIN_TOKENS)
    assert bool(attention._EDITED.search(text)) == bool(PLAIN_EDITED.search(text))


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["0", "7", "12", ".", " ", "+", "-", "::", "a"]), max_size=8).map("".join))
@example("1.5::a")
def test_weights_are_those_of_the_plain_expressions(text):
    def groups(found):
        return None if found is None else (found[0], found.groups())

    assert groups(choices._WEIGHT.match(text)) == groups(PLAIN_WEIGHT.match(text))
    assert groups(loras._NUMBER.match(text)) == groups(PLAIN_LORA_WEIGHT.match(text))
