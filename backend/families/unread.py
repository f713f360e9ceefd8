"""Which end of a prompt a text encoder had no room for."""

from __future__ import annotations

from typing import Any


def unread_end(tokenizer: Any, prompt: str, room: int) -> str:  # noqa: ANN401 - untyped library
    """Return what lies beyond the first `room` tokens of `prompt`, those of start and end not counted; "" where nothing does."""
    tokens = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
    unread: str = tokenizer.decode(tokens[room:])
    return unread
