"""Text from outside, made fit to travel."""

from __future__ import annotations


def carriable(text: str) -> str:
    """Return a text as UTF-8 can carry it, of the same length.

    On Linux the name of a file is any bytes, and Python reads those that are no UTF-8 as halves of surrogate pairs; JSON can
    spell such halves, too. Each becomes a question mark.
    """
    return text.encode("utf-8", "replace").decode("utf-8")
