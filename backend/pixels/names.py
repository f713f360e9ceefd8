"""Names of files, as they can be shown."""

from __future__ import annotations


def shown(text: str) -> str:
    """Return a text with names of files in it as UTF-8 can carry it: on Linux a name is any bytes, and Python reads those that are
    no UTF-8 as halves of surrogate pairs. Each becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
