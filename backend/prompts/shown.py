"""Words of a painter's in a sentence for the painter."""

from __future__ import annotations

from typing import Final

MAX_SHOWN_CHARS: Final = 60
"""Enough to find the place again; a note is read at a glance."""


def shown(text: str) -> str:
    """Return a text between quotation marks, on one line, and cut where it is long."""
    line = " ".join(text.split())
    return f"'{line}'" if len(line) <= MAX_SHOWN_CHARS else f"'{line[:MAX_SHOWN_CHARS]}...'"
