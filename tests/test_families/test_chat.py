from __future__ import annotations

import pytest
from tiny_models.vocabulary import qwen_tokenizer

from backend.families.chat import unread_of

HEAD, TAIL = "<|im_start|>user\n", "<|im_end|>\n"
HEAD_TOKENS = 1 + len("user\n")


@pytest.fixture(scope="module")
def tokenizer():
    return qwen_tokenizer()


def unread(tokenizer, prompt, tokens, words=None):
    return unread_of(tokenizer, HEAD + prompt + TAIL, words or prompt, tokens)


def test_all_is_read_where_there_is_room(tokenizer):
    assert unread(tokenizer, "a house", 512) == ""


def test_what_stands_behind_the_prompt_is_no_loss(tokenizer):
    assert unread(tokenizer, "a house", HEAD_TOKENS + len("a house")) == ""


@pytest.mark.parametrize("kept", range(len("a house")))
def test_tells_the_end_that_is_cut_off(tokenizer, kept):
    assert unread(tokenizer, "a house", HEAD_TOKENS + kept) == "a house"[kept:]


def test_no_more_than_the_prompt_is_lost(tokenizer):
    assert unread(tokenizer, "a house", 2) == "a house"


def test_a_prompt_that_says_what_the_message_says_is_found_where_it_stands(tokenizer):
    assert unread(tokenizer, "user", HEAD_TOKENS + 1) == "ser"


def test_a_letter_of_several_tokens_is_told_whole_or_not_at_all(tokenizer):
    assert unread(tokenizer, "ein Haus für uns", HEAD_TOKENS + len("ein Haus f")) == "ür uns"


def test_a_template_may_trim_the_prompt(tokenizer):
    assert unread(tokenizer, "a house", HEAD_TOKENS + 2, words="  a house \n") == "house"
