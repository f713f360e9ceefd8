"""Prompts that a language model reads as a message: which end of one is cut off."""

from __future__ import annotations

from typing import Any


def unread_of(tokenizer: Any, message: str, prompt: str, tokens: int) -> str:  # noqa: ANN401 - untyped library
    """The end of `prompt` that lies beyond the first `tokens` tokens of `message`, which holds it; empty where none does.

    What the message says behind the prompt is cut off first, and is no loss to the painter.
    """
    places = tokenizer(message, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(places) <= tokens:
        return ""
    words = prompt.strip()
    start = message.rfind(words)
    end = len(message) if start < 0 else start + len(words)
    unread: str = message[max(places[tokens - 1][1], start) : end]
    return unread
