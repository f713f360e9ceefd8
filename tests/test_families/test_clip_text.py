"""Prompts for CLIP: held against diffusers where that reads them too, and against A1111's rules, done by hand, where it does not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models.oracle import load_pipeline
from tiny_models.text_encoders import clip_text_encoder, clip_text_projection
from tiny_models.vocabulary import clip_tokenizer
from transformers import CLIPTextConfig, CLIPTextModel

from backend.families.adapter import NoSuchLayer
from backend.families.clip_text import MAX_CHUNKS, chunk_count, encode_clip
from backend.prompts import Draws, Fragment, Prompt, no_wildcards, read_prompt

ROOM = 75
"""Of CLIP's 77 tokens, less start and end."""

SHORT = ["", "a house", "Ein Haus, am Meer!", "x" * 75]


@pytest.fixture(scope="module")
def tokenizer():
    return clip_tokenizer()


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return clip_text_encoder(layers=3)


@pytest.fixture(scope="module")
def second():
    torch.manual_seed(1)
    return clip_text_projection(64, 32, layers=3)


@pytest.fixture(autouse=True)
def _without_gradients():
    with torch.inference_mode():
        yield


def prompt_of(text):
    reading = read_prompt(text, Draws(0, "prompt"), no_wildcards)
    assert reading.notes == ()
    return reading.prompt


def ids_of(tokenizer, tokens):
    """Start, tokens, end, and the end again as far as there is room."""
    row = [tokenizer.bos_token_id, *tokens, tokenizer.eos_token_id]
    return torch.tensor([row + [tokenizer.pad_token_id] * (ROOM + 2 - len(row))])


def by_hand(tokenizer, encoder, *chunks):
    """Last hidden states of rows of tokens, one behind the other."""
    return torch.cat([encoder(ids_of(tokenizer, chunk)).last_hidden_state for chunk in chunks], dim=1)


class Recorded:
    """An encoder that keeps what it was given."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.rows = []

    def __call__(self, ids, **options):
        self.rows.append(ids[0].tolist())
        return self._encoder(ids, **options)

    def __getattr__(self, name):
        return getattr(self._encoder, name)


# What one chunk can hold


@pytest.mark.parametrize("text", SHORT)
def test_tokens_are_the_tokenizers_own(tokenizer, encoder, text):
    recorded = Recorded(encoder)
    encode_clip(tokenizer, recorded, Prompt.of(text))
    assert recorded.rows == [tokenizer(text, padding="max_length").input_ids]


@pytest.mark.parametrize("text", SHORT)
def test_weights_of_1_are_plain_encoding_to_the_bit(tokenizer, encoder, text):
    plain = encoder(tokenizer(text, padding="max_length", return_tensors="pt").input_ids).last_hidden_state
    cut = Prompt((tuple(Fragment(word) for word in text.split()),))
    for prompt in (Prompt.of(text), prompt_of(f"({text}:1.0)"), cut):
        assert torch.equal(encode_clip(tokenizer, encoder, prompt).hidden, plain)


@pytest.mark.parametrize("text", SHORT)
@pytest.mark.parametrize("skip", [None, 0, 1, 2])
def test_equals_diffusers_for_stable_diffusion(tiny_sd15, text, skip):
    torch.manual_seed(2)
    encoder = clip_text_encoder(layers=3)
    # diffusers looks for the final norm where transformers had it before version 5
    object.__setattr__(encoder, "text_model", encoder)
    pipeline = load_pipeline(tiny_sd15, text_encoder=encoder)
    theirs, _ = pipeline.encode_prompt(text, "cpu", 1, False, clip_skip=skip)
    ours = encode_clip(pipeline.tokenizer, encoder, Prompt.of(text), layer=(skip or 0) + 1)
    assert torch.allclose(ours.hidden, theirs, atol=1e-5)
    assert ours.pooled is None


@pytest.mark.parametrize("text", SHORT)
@pytest.mark.parametrize("skip", [None, 0, 1])
def test_equals_diffusers_for_sdxl(tiny_sdxl, text, skip):
    pipeline = load_pipeline(tiny_sdxl)
    # as in the real model, whose second tokenizer fills up with another token
    pipeline.tokenizer_2.pad_token = "!"
    theirs, _, pooled, _ = pipeline.encode_prompt(text, device="cpu", do_classifier_free_guidance=False, clip_skip=skip)
    pairs = [(pipeline.tokenizer, pipeline.text_encoder), (pipeline.tokenizer_2, pipeline.text_encoder_2)]
    first, last = (encode_clip(*pair, Prompt.of(text), layer=(skip or 0) + 2, normed=False) for pair in pairs)
    assert torch.allclose(torch.cat([first.hidden, last.hidden], dim=-1), theirs, atol=1e-5)
    assert torch.allclose(last.pooled, pooled, atol=1e-5)


# Weights


def test_weights_multiply_hidden_states_and_keep_their_mean(tokenizer, encoder):
    plain = by_hand(tokenizer, encoder, tokenizer("ab", add_special_tokens=False).input_ids)
    prompt = Prompt(((Fragment("a"), Fragment("b", 1.5)),))
    states = by_hand(tokenizer, encoder, [*tokens_of(tokenizer, "a"), *tokens_of(tokenizer, "b")])
    assert not torch.allclose(plain, states), (
        "words that are weighed apart are read as words of their own, as A1111 does"
    )
    expected = states.clone()
    expected[:, 2] *= 1.5
    expected *= states.mean() / expected.mean()
    ours = encode_clip(tokenizer, encoder, prompt).hidden
    assert torch.allclose(ours, expected, atol=1e-6)
    assert torch.allclose(ours.mean(), states.mean(), atol=1e-6)


def test_each_chunk_keeps_its_own_mean(tokenizer, encoder):
    prompt = prompt_of("(a:2) BREAK b")
    first, second = encode_clip(tokenizer, encoder, prompt).hidden.chunk(2, dim=1)
    assert torch.allclose(first, encode_clip(tokenizer, encoder, prompt_of("(a:2)")).hidden)
    assert torch.equal(second, encode_clip(tokenizer, encoder, Prompt.of("b")).hidden)


def test_weights_are_for_the_hidden_states_alone(tokenizer, second):
    """The pooled output is of the whole prompt, as in A1111."""
    weighted, plain = (encode_clip(tokenizer, second, Prompt(((Fragment("a", w),),))) for w in (1.7, 1.0))
    assert torch.equal(weighted.pooled, plain.pooled)
    assert not torch.allclose(weighted.hidden, plain.hidden)


def test_weights_keep_the_dtype_of_the_encoder(tokenizer):
    half = clip_text_encoder().to(torch.bfloat16)
    for text in ("a", "(a:1.3)"):
        assert encode_clip(tokenizer, half, prompt_of(text)).hidden.dtype == torch.bfloat16


def test_a_mean_of_nothing_is_not_restored(tokenizer):
    silent = clip_text_encoder()
    torch.nn.init.zeros_(silent.final_layer_norm.weight)
    assert not encode_clip(tokenizer, silent, prompt_of("(a:2)")).hidden.any()


# Long prompts


def tokens_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False).input_ids


def test_a_long_prompt_is_read_in_chunks(tokenizer, encoder):
    text = "x" * 200
    tokens = tokens_of(tokenizer, text)
    assert len(tokens) == 200
    ours = encode_clip(tokenizer, encoder, Prompt.of(text))
    assert torch.equal(ours.hidden, by_hand(tokenizer, encoder, tokens[:75], tokens[75:150], tokens[150:]))
    assert ours.hidden.shape == (1, 3 * 77, 32)
    assert ours.unread == ""


@pytest.mark.parametrize(
    ("letters", "chunks"),
    [
        # a comma 20 tokens before the end of the chunk is near enough, one that is farther is not
        ("x" * 55 + "," + "y" * 40, ["x" * 55 + ",", "y" * 40]),
        ("x" * 54 + "," + "y" * 40, ["x" * 54 + "," + "y" * 20, "y" * 20]),
        # the last one counts
        ("x" * 60 + "," + "y" * 5 + "," + "z" * 20, ["x" * 60 + "," + "y" * 5 + ",", "z" * 20]),
        # as the last token of a full chunk it changes nothing; as the first one after it, it goes to the next
        ("x" * 74 + "," + "y" * 9, ["x" * 74 + ",", "y" * 9]),
        ("x" * 60 + "," + "y" * 14 + "," + "z" * 9, ["x" * 60 + "," + "y" * 14, "," + "z" * 9]),
        # full to the last token, there is no second chunk
        ("x" * 60 + "," + "y" * 14, ["x" * 60 + "," + "y" * 14]),
        # three chunks
        ("x" * 70 + "," + "y" * 70 + "," + "z" * 9, ["x" * 70 + ",", "y" * 70 + ",", "z" * 9]),
    ],
)
def test_a_chunk_ends_at_a_comma_near_its_end(tokenizer, encoder, letters, chunks):
    recorded = Recorded(encoder)
    # fragments of weight 1 for each letter, so that every token is the one of a whole word
    encode_clip(tokenizer, recorded, Prompt((tuple(Fragment(letter) for letter in letters),)))
    vocabulary = tokenizer.get_vocab()
    rows = [[vocabulary[f"{letter}</w>"] for letter in chunk] for chunk in chunks]
    assert recorded.rows == [ids_of(tokenizer, row)[0].tolist() for row in rows]


def test_break_begins_a_chunk(tokenizer, encoder):
    ours = encode_clip(tokenizer, encoder, prompt_of("a cat BREAK a dog"))
    assert torch.equal(
        ours.hidden, by_hand(tokenizer, encoder, tokens_of(tokenizer, "a cat"), tokens_of(tokenizer, "a dog"))
    )
    assert encode_clip(tokenizer, encoder, prompt_of("BREAK a dog")).hidden.shape[1] == 2 * 77


def test_weights_go_with_their_tokens_into_the_next_chunk(tokenizer, encoder):
    words = "y" * 80
    last = encode_clip(tokenizer, encoder, Prompt(((Fragment("x" * 70), Fragment(words, 1.4)),))).hidden[:, 77:]
    tokens = tokens_of(tokenizer, words)[5:]
    states = by_hand(tokenizer, encoder, tokens)
    expected = states.clone()
    expected[:, 1:76] *= 1.4
    expected *= states.mean() / expected.mean()
    assert torch.allclose(last, expected, atol=1e-6)


def test_pooled_output_is_the_first_chunks(tokenizer, second):
    long, first = (encode_clip(tokenizer, second, Prompt.of(text)) for text in ("x" * 100, "x" * 75))
    # the last letter of a word is another token than the same letter within it
    first = second(ids_of(tokenizer, tokens_of(tokenizer, "x" * 100)[:75]))
    assert torch.equal(long.pooled, first.text_embeds)


def test_prompts_of_one_picture_are_padded_to_one_length(tokenizer, encoder):
    long, short = Prompt.of("x" * 100), Prompt.of("a")
    count = chunk_count(tokenizer, encoder, short, long)
    assert count == 2
    padded = encode_clip(tokenizer, encoder, short, chunks=count)
    assert padded.hidden.shape == encode_clip(tokenizer, encoder, long, chunks=count).hidden.shape
    assert torch.equal(padded.hidden, by_hand(tokenizer, encoder, tokens_of(tokenizer, "a"), []))
    assert chunk_count(tokenizer, encoder, Prompt()) == chunk_count(tokenizer, encoder) == 1


def test_what_is_beyond_the_last_chunk_is_told(tokenizer, encoder):
    recorded = Recorded(encoder)
    prompt = Prompt(((Fragment("x " * MAX_CHUNKS * ROOM), Fragment("left out", 1.2)),))
    assert chunk_count(tokenizer, encoder, prompt) == MAX_CHUNKS
    assert encode_clip(tokenizer, recorded, prompt).unread == "left out"
    assert len(recorded.rows) == MAX_CHUNKS


WORDS = st.lists(st.sampled_from(["a", "cat,", "(dog:1.2)", "[x]", ",", "BREAK", "12", "longer", "\n"]), max_size=120)


@settings(max_examples=40, deadline=None)
@given(WORDS)
def test_no_token_is_lost(tokenizer, encoder, words):
    prompt = prompt_of(" ".join(words))
    recorded = Recorded(encoder)
    text = encode_clip(tokenizer, recorded, prompt)
    special = {tokenizer.bos_token_id, tokenizer.eos_token_id}
    read = [token for row in recorded.rows for token in row if token not in special]
    said = [token for part in prompt.parts for fragment in part for token in tokens_of(tokenizer, fragment.text)]
    assert read == said
    assert len(recorded.rows) == chunk_count(tokenizer, encoder, prompt)
    assert text.hidden.shape[1] == 77 * len(recorded.rows)


# What a model's own files say


def test_a_chunk_is_as_long_as_the_model_reads(tokenizer):
    config = CLIPTextConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, max_position_embeddings=24)
    short = CLIPTextModel(config).eval()
    recorded = Recorded(short)
    encode_clip(tokenizer, recorded, Prompt((tuple(Fragment(letter) for letter in "x" * 16 + "," + "y" * 10),)))
    assert [len(row) for row in recorded.rows] == [24, 24]
    # six of its 22 tokens are within a comma's reach, as 20 of 75 are
    assert recorded.rows[0][18] == tokenizer.eos_token_id
    assert encode_clip(tokenizer, short, Prompt.of("x" * 15 + "," + "y" * 10)).hidden.shape == (1, 48, 32)


@pytest.mark.parametrize("layer", [0, 4, 99])
def test_more_layers_than_there_are_cannot_be_skipped(tokenizer, encoder, layer):
    with pytest.raises(NoSuchLayer, match="3 layers"):
        encode_clip(tokenizer, encoder, Prompt.of("a"), layer=layer)
