"""Prompts for CLIP's text encoders, of Stable Diffusion 1.x, SDXL and all that have one: weights, long prompts, clip skip.

All of it as AUTOMATIC1111's web UI has it (https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features, "Infinite prompt
length" and "Attention/emphasis", and its ``modules/sd_hijack_clip.py`` and ``modules/sd_emphasis.py``, emphasis "Original"):

- A prompt is read in chunks of as many tokens as the encoder takes, less its start and its end; their hidden states lie one behind
  the other. A chunk that is not full is filled up with the tokenizer's padding. A word list that would be cut within reach of
  its last comma is cut there.
- BREAK begins a new chunk.
- A token's hidden state is multiplied by its weight, and then the whole chunk by one number, so that its mean stays what it was.

A prompt that fits into one chunk, of weights of 1 alone, is encoded as diffusers' pipelines do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, Final

import torch

from backend.prompts import Prompt

from .adapter import NoSuchLayer
from .turns import device_of

MAX_CHUNKS: Final = 48
"""Of one prompt. In 75 tokens each there is room for the longest prompt of the contract, in words of five letters; the denoiser
attends to all of them in every step."""

COMMA: Final = ",</w>"

COMMA_REACH: Final = 20 / 75
"""How far back from a full chunk's end a comma may lie for the cut to be there, as a share of the chunk: A1111's default."""


@dataclass(frozen=True)
class ClipText:
    """What an encoder makes of a prompt.

    `hidden` is `[1, tokens, width]`, in the encoder's dtype; `pooled` is `[1, width]`, the first chunk's projected end, or None where the
    encoder has no projection. `unread` is the end of the prompt beyond `MAX_CHUNKS`, "" where all of it was read.
    """

    hidden: torch.Tensor
    pooled: torch.Tensor | None
    unread: str


@dataclass(frozen=True)
class _Chunk:
    """Tokens without start, end and padding, and the weight of each."""

    tokens: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()


def chunk_count(tokenizer: Any, encoder: Any, *prompts: Prompt) -> int:  # noqa: ANN401 - untyped library
    """Return the number of chunks that the longest of these prompts takes, at least 1 and at most `MAX_CHUNKS`."""
    counts = (len(_chunks(tokenizer, encoder, prompt)) for prompt in prompts)
    return min(max(counts, default=1), MAX_CHUNKS)


def encode_clip(
    tokenizer: Any,  # noqa: ANN401 - untyped library
    encoder: Any,  # noqa: ANN401
    prompt: Prompt,
    *,
    chunks: int = 1,
    layer: int = 1,
    normed: bool = True,
) -> ClipText:
    """Encode a prompt, in at least as many chunks as are asked for: prompts of one picture have to be of one length.

    The hidden states are those after the `layer`-th layer from the end, 1 the last, as A1111 counts; diffusers' `clip_skip` is one
    less where they are `normed`, by the encoder's final layer norm (Stable Diffusion 1.x), and two less where they are not
    (SDXL, which wants `layer` 2). Raises NoSuchLayer.
    """
    layers: int = encoder.config.num_hidden_layers
    if not 1 <= layer <= layers:
        raise NoSuchLayer(f"Its text encoder has {layers} layers, so a clip skip of {layer} leaves nothing of it.")
    found = _chunks(tokenizer, encoder, prompt)
    read, beyond = found[:MAX_CHUNKS], found[MAX_CHUNKS:]
    read += [_Chunk()] * (chunks - len(read))
    room = _room(tokenizer, encoder)
    hidden: list[torch.Tensor] = []
    pooled: torch.Tensor | None = None
    for chunk in read:
        output = encoder(_ids(tokenizer, chunk, room).to(device_of(encoder)), output_hidden_states=True)
        states = output.hidden_states[-layer]
        if normed:
            states = getattr(encoder, "text_model", encoder).final_layer_norm(states)
        hidden.append(_weighted(states, chunk))
        pooled = getattr(output, "text_embeds", None) if pooled is None else pooled
    unread: str = tokenizer.decode([token for chunk in beyond for token in chunk.tokens])
    return ClipText(torch.cat(hidden, dim=1), pooled, unread)


def _room(tokenizer: Any, encoder: Any) -> int:  # noqa: ANN401
    """Tokens of a chunk, without its start and its end."""
    return int(min(tokenizer.model_max_length, encoder.config.max_position_embeddings)) - 2


def _chunks(tokenizer: Any, encoder: Any, prompt: Prompt) -> list[_Chunk]:  # noqa: ANN401
    """Cut a prompt into chunks; the empty one has one that is empty."""
    room = _room(tokenizer, encoder)
    comma = tokenizer.get_vocab().get(COMMA)
    chunks: list[_Chunk] = []
    for part in prompt.parts:
        tokens: list[int] = []
        weights: list[float] = []
        for fragment in part:
            ids = tokenizer(fragment.text, add_special_tokens=False, verbose=False).input_ids
            tokens += ids
            weights += [fragment.weight] * len(ids)
        cuts = [0, *_cuts(tokens, room, comma), len(tokens)]
        chunks += [_Chunk(tuple(tokens[a:b]), tuple(weights[a:b])) for a, b in pairwise(cuts)]
    return chunks or [_Chunk()]


def _cuts(tokens: list[int], room: int, comma: int | None) -> Iterator[int]:
    """Yield where a row of tokens is cut: where a chunk is full, or behind a comma shortly before."""
    reach = round(room * COMMA_REACH)
    begin = 0
    while len(tokens) - begin > room:
        end = begin + room
        # a comma that follows a full chunk needs no other one
        commas = [] if tokens[end] == comma else [at for at in range(end - reach, end) if tokens[at] == comma]
        begin = commas[-1] + 1 if commas else end
        yield begin


def _ids(tokenizer: Any, chunk: _Chunk, room: int) -> torch.Tensor:  # noqa: ANN401
    """A chunk as the encoder takes it, `[1, room + 2]`."""
    padding = [tokenizer.pad_token_id] * (room - len(chunk.tokens))
    return torch.tensor([[tokenizer.bos_token_id, *chunk.tokens, tokenizer.eos_token_id, *padding]])


def _weighted(states: torch.Tensor, chunk: _Chunk) -> torch.Tensor:
    """Multiply hidden states `[1, tokens, width]` by the weights of a chunk's tokens, and restore their mean."""
    if all(weight == 1 for weight in chunk.weights):
        return states
    weights = torch.ones(states.shape[1])
    weights[1 : 1 + len(chunk.weights)] = torch.tensor(chunk.weights)
    full = states.float()
    weighted = full * weights.to(full.device)[:, None]
    restored = float(full.mean() / weighted.mean())
    # a mean of 0 says nothing of how much there was
    return (weighted * (restored if isfinite(restored) else 1.0)).to(states.dtype)
