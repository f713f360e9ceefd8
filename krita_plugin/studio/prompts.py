"""What can be told of a prompt before it is sent. Its language is the backend's, and told in docs/prompts.md."""

from __future__ import annotations

import re
from typing import Final

_NO_WORDS: Final = re.compile(r"(?<!\\)#[^\n]*|<\w+:[^<>]*>|\\.", re.DOTALL)
"""Comments, LoRAs, and signs that a backslash makes plain."""

_WEIGHS: Final = re.compile(r"[(\[]|\bBREAK\b")


def weighs(prompt: str) -> bool:
    """Return whether a prompt has words count more or less than others, or read apart by BREAK."""
    return _WEIGHS.search(_NO_WORDS.sub(" ", prompt)) is not None
