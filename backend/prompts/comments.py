"""Comments: what follows a ``#`` on a line is for the painter's eyes alone."""

from __future__ import annotations

import re

# A comment that has a line of its own takes the line along. Blanks without one are passed over in one go: looking from each of
# them anew whether a comment follows would take seconds for some thousands.
_COMMENT = re.compile(r"^[^\S\n]*#[^\n]*(?:\n|\Z)|(\\.|[^\S\n]++(?!#))|[^\S\n]*#[^\n]*", re.MULTILINE | re.DOTALL)


def without_comments(text: str) -> str:
    """Return a text without its comments; ``\\#`` is a plain sign and stays for now, with its backslash."""
    return _COMMENT.sub(lambda found: found[1] or "", text)
