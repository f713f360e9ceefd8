"""Weights of words, and BREAK, as AUTOMATIC1111's web UI reads them.

===============  ==========================================================================
``(word)``       counts 1.1 times as much; brackets within brackets multiply
``[word]``       counts 1.1 times less
``(word:1.2)``   counts 1.2 times as much
``BREAK``        what follows is read apart from what precedes it, in a chunk of its own
``\\(``           a plain bracket; likewise every other sign that means something in a prompt
===============  ==========================================================================

The rules and their examples are told in the docstring of ``parse_prompt_attention`` in its ``modules/prompt_parser.py``
(https://github.com/AUTOMATIC1111/stable-diffusion-webui), and in its wiki under Features, "Attention/emphasis". As there, a
bracket that is never closed reaches to the end of the prompt, and one that was never opened is a plain sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from .numbers import NUMBER
from .prompt import MAX_WEIGHT, Fragment, Prompt
from .shown import shown

BRACKET: Final = 1.1
"""What one pair of brackets makes of a weight: times it in round ones, divided by it in square ones."""

MAX_NESTING: Final = 100
"""Brackets within each other. Fifteen pairs already weigh four times as much."""

MAX_FRAGMENTS: Final = 500
"""Rows of words of different weight, in one prompt. Each takes at least one of an encoder's tokens."""

SPECIAL: Final = "()[]{}|<>#_\\"
"""Signs that a backslash makes plain."""

UNPAIRED: Final = (
    "A bracket is without its other half: an opening one was taken to reach to the end, a closing one as it stands."
    " To write one on purpose, put \\ before it."
)
TOO_DEEP: Final = f"Brackets are nested more than {MAX_NESTING} deep: those within were taken as they stand."
TOO_MUCH: Final = f"Brackets within brackets made words count more than {MAX_WEIGHT:g} times, which is the most."
TOO_MANY: Final = f"The prompt weighs more than {MAX_FRAGMENTS} words each in its own way: the rest counts 1."

EDITED: Final = (
    "Words that change while a picture is painted, as in [cat:dog:0.5] or [cat|dog], are not known here:"
    " all of them are read from the start."
)

_TOKENS = re.compile(
    rf"""
    \\(?P<plain>[{re.escape(SPECIAL)}])
    | (?P<opens>[(\[])
    | :\s*(?P<weight>[+-]?{NUMBER})\s*\)
    | (?P<closes>[)\]])
    | [^\\()\[\]:]+
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_BREAK = re.compile(r"\bBREAK\b")
# up to the first bar only: from each of many bars anew it would take seconds
_EDITED = re.compile(r"(?<!\\)\[(?:[^\[\]|]*+\|[^\[\]]*+|[^\[\]]*:\s*+[0-9.]++\s*+)\]")
_PAIRS: Final = {")": "(", "]": "["}
_FACTORS: Final = {"(": BRACKET, "[": 1 / BRACKET}


@dataclass
class _Piece:
    """Words on the way to a fragment; None in their place is a BREAK."""

    text: str | None
    weight: float = 1.0


class _Opened(NamedTuple):
    """A bracket that is open, and before which piece."""

    kind: str
    start: int


def weigh(text: str) -> tuple[Prompt, tuple[str, ...]]:
    """Return the prompt that a text stands for, and notes on brackets that may not mean what they were meant to."""
    weighing = _Weighing()
    for token in _TOKENS.finditer(text):
        weighing.read(token)
    prompt = weighing.prompt()
    notes = [*weighing.notes, EDITED] if _EDITED.search(text) else weighing.notes
    return prompt, tuple(dict.fromkeys(notes))


class _Weighing:
    """A text while it is read: its pieces so far, and the brackets that are open."""

    def __init__(self) -> None:
        self._pieces: list[_Piece] = []
        self._open: list[_Opened] = []
        self.notes: list[str] = []

    def read(self, token: re.Match[str]) -> None:
        """Read on by one token."""
        if token["plain"]:
            self._pieces.append(_Piece(token["plain"]))
        elif token["opens"]:
            self._opened(token["opens"])
        elif token["weight"] and (opened := self._innermost("(")) is not None:
            self._weighed(opened, float(token["weight"]), token[0])
        elif token["closes"] and (opened := self._innermost(_PAIRS[token["closes"]])) is not None:
            bracket = self._open.pop(opened)
            self._multiply(bracket.start, _FACTORS[bracket.kind])
        else:
            if token["closes"] or token["weight"]:
                self.notes.append(UNPAIRED)
            self._say(token[0])

    def _opened(self, kind: str) -> None:
        if len(self._open) < MAX_NESTING:
            self._open.append(_Opened(kind, len(self._pieces)))
        else:
            self.notes.append(TOO_DEEP)
            self._say(kind)

    def _innermost(self, kind: str) -> int | None:
        return next((index for index in reversed(range(len(self._open))) if self._open[index].kind == kind), None)

    def _weighed(self, opened: int, weight: float, written: str) -> None:
        start = self._open.pop(opened).start
        if abs(weight) <= MAX_WEIGHT:
            self._multiply(start, weight)
            return
        self.notes.append(
            f"Words count {MAX_WEIGHT:g} times at most, so {shown(written)} and its bracket were taken as they stand."
        )
        self._pieces.insert(start, _Piece("("))
        self._open[opened:] = [bracket._replace(start=bracket.start + 1) for bracket in self._open[opened:]]
        self._say(written)

    def _say(self, text: str) -> None:
        first, *rest = _parted(text)
        self._pieces.append(_Piece(first))
        for words in rest:
            self._pieces += [_Piece(None), _Piece(words)]

    def _multiply(self, start: int, factor: float) -> None:
        for piece in self._pieces[start:]:
            piece.weight *= factor

    def prompt(self) -> Prompt:
        """Close what is still open, and return the whole."""
        for bracket in self._open:
            self.notes.append(UNPAIRED)
            self._multiply(bracket.start, _FACTORS[bracket.kind])
        rows: list[list[_Piece]] = [[]]
        for piece in self._pieces:
            if piece.text is None:
                rows.append([])
            elif piece.text:
                rows[-1].append(piece)
        # a BREAK at the end begins nothing
        while rows and not rows[-1]:
            rows.pop()
        parts = [self._fragments(row) for row in rows]
        if sum(len(part) + 1 for part in parts) > MAX_FRAGMENTS:
            self.notes.append(TOO_MANY)
            parts = _bounded(parts)
        return Prompt(tuple(map(tuple, parts)))

    def _fragments(self, row: list[_Piece]) -> list[Fragment]:
        """Join neighbours of the same weight, as far as it may go."""
        for piece in row:
            if abs(piece.weight) > MAX_WEIGHT:
                self.notes.append(TOO_MUCH)
                piece.weight = max(-MAX_WEIGHT, min(piece.weight, MAX_WEIGHT))
        return [
            Fragment("".join(piece.text or "" for piece in pieces), weight)
            for weight, pieces in groupby(row, lambda piece: piece.weight)
        ]


def _parted(text: str) -> list[str]:
    """Part a text at each BREAK, which takes the blanks around it along."""
    words = _BREAK.split(text)
    # not by the expression: it would look from each of many blanks anew whether a BREAK follows
    words[:-1] = map(str.rstrip, words[:-1])
    words[1:] = map(str.lstrip, words[1:])
    return words


def _bounded(parts: list[list[Fragment]]) -> list[list[Fragment]]:
    """Join what is beyond `MAX_FRAGMENTS`, a BREAK counting as one, into a last fragment that counts 1."""
    kept: list[list[Fragment]] = []
    rest: list[str] = []
    room = MAX_FRAGMENTS
    for part in parts:
        if room > 0:
            kept.append(part[:room])
            room -= len(kept[-1]) + 1
            part = part[len(kept[-1]) :]
        rest.append("".join(fragment.text for fragment in part))
    kept[-1].append(Fragment(" ".join(rest)))
    return kept
