"""Choices that are drawn: ``{red|green|blue}``, and ``__colours__`` for a line of a file.

The syntax is that of Dynamic Prompts (https://github.com/adieyal/sd-dynamic-prompts/blob/main/docs/SYNTAX.md): variants, also
nested, also with weights as in ``{2::red|green}``, where an option without one has the weight 1; and wildcards, also with
folders in their names, whose lines may hold all of it again. A backslash leaves a bracket, a bar or a line a plain one.

The place of a draw is a row of numbers: which choice or wildcard of its text it is, from 0, behind the place at which that text
was drawn itself. So words that are drawn early do not change what is drawn later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import accumulate
from typing import Final, NamedTuple

from protocol import MAX_PROMPT_CHARS

from .draw import Draws
from .shown import shown
from .wildcards import NoWildcard

Wildcards = Callable[[str], tuple[str, ...]]
"""Returns the choices of a wildcard by its name, at least one. Raises NoWildcard."""

MAX_DEPTH: Final = 16
"""Choices within each other. Collections of wildcards nest four or five deep; one that names itself goes on for ever."""

MAX_DRAWS: Final = 1000
"""Draws of one text: more than anybody reads, and a bound for wildcards that name several others each."""

WEIGHT_UNITS: Final = 1000
"""Weights of choices count in thousandths: whole numbers add up to the same on every machine."""

MAX_CHOICE_WEIGHT: Final = 1_000_000
"""Already at a thousandth of it nobody would notice that there are other choices."""

_WEIGHT = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*::")
_MARKS = re.compile(r"\\.|[{}|]|__(?P<name>[^\W_][\w ./-]*?)__", re.DOTALL)

UNPAIRED: Final = "A curly bracket is without its other half, so it was taken as it stands. To write one on purpose, put \\ before it."
NO_WEIGHTS: Final = "None of the choices in curly brackets weighs anything, so all were equally likely."


class _Choice(NamedTuple):
    """A place where something is drawn, as it is written, and the options; None for a wildcard's, by its name."""

    source: str
    options: tuple[str, ...] | None
    name: str


class _Odds(NamedTuple):
    """Options, and how far their weights add up with each."""

    texts: tuple[str, ...]
    sums: tuple[int, ...]


def draw_choices(text: str, draws: Draws, wildcards: Wildcards) -> tuple[str, tuple[str, ...]]:
    """Return a text with everything drawn, and notes on what could not be, which then stands as it was written.

    No longer than `MAX_PROMPT_CHARS`, or than it was.
    """
    drawing = _Drawing(draws, wildcards, len(text))
    return drawing.drawn(text, ()), tuple(dict.fromkeys(drawing.notes))


class _Drawing:
    """One text while it is drawn. `length` is that of the whole with what is drawn so far."""

    def __init__(self, draws: Draws, wildcards: Wildcards, length: int) -> None:
        self._draws = draws
        self._wildcards = wildcards
        self._length = length
        self._count = 0
        self._files: dict[str, _Odds] = {}
        self.notes: list[str] = []

    def drawn(self, text: str, place: tuple[int, ...]) -> str:
        """Return a text that stands at a place with its choices drawn."""
        pieces, unpaired = _pieces(text)
        if unpaired:
            self.notes.append(UNPAIRED)
        said: list[str] = []
        number = 0
        for piece in pieces:
            if isinstance(piece, str):
                said.append(piece)
            else:
                said.append(self._one(piece, (*place, number)))
                number += 1
        return "".join(said)

    def _one(self, choice: _Choice, place: tuple[int, ...]) -> str:
        self._count += 1
        if len(place) > MAX_DEPTH:
            return self._left(choice, f"Choices are nested more than {MAX_DEPTH} deep")
        if self._count > MAX_DRAWS:
            return self._left(choice, f"More than {MAX_DRAWS} choices are to be drawn")
        try:
            odds = self._odds_of_file(choice.name) if choice.options is None else self._odds(choice.options)
        except NoWildcard as missing:
            self.notes.append(str(missing))
            return choice.source
        option = odds.texts[self._draws.index(place, odds.sums)]
        longer = self._length + len(option) - len(choice.source)
        if longer > MAX_PROMPT_CHARS and len(option) > len(choice.source):
            return self._left(choice, f"With what is drawn, a prompt has more than {MAX_PROMPT_CHARS} characters")
        self._length = longer
        return self.drawn(option, place)

    def _odds_of_file(self, name: str) -> _Odds:
        if name not in self._files:
            self._files[name] = self._odds(self._wildcards(name))
        return self._files[name]

    def _odds(self, options: Iterable[str]) -> _Odds:
        weighted = [self._weight(option) for option in options]
        weights = [weight for weight, _ in weighted]
        if not any(weights):
            self.notes.append(NO_WEIGHTS)
            weights = [1] * len(weights)
        return _Odds(tuple(text for _, text in weighted), tuple(accumulate(weights)))

    def _weight(self, option: str) -> tuple[int, str]:
        """Part an option into its weight and the rest of it."""
        found = _WEIGHT.match(option) if "::" in option else None
        if found is None:
            return WEIGHT_UNITS, option
        weight = Decimal(found[1])
        if weight > MAX_CHOICE_WEIGHT:
            self.notes.append(
                f"A choice weighs at most {MAX_CHOICE_WEIGHT}, so {shown(option)} was taken as it stands."
            )
            return WEIGHT_UNITS, option
        return int(weight * WEIGHT_UNITS), option[found.end() :]

    def _left(self, choice: _Choice, why: str) -> str:
        self.notes.append(f"{why}, so {shown(choice.source)} was taken as it stands.")
        return choice.source


def _pieces(text: str) -> tuple[list[str | _Choice], bool]:
    """Part a text into what stands and what is drawn, on its outermost level; and whether a bracket is without its other half."""
    marks = list(_MARKS.finditer(text))
    pairs, unpaired = _pairs(marks)
    pieces: list[str | _Choice] = []
    done = 0
    index = 0
    while index < len(marks):
        mark = marks[index]
        if index in pairs:
            last = marks[pairs[index]]
            options = tuple(_options(text, marks, index, pairs))
            found = _Choice(text[mark.start() : last.end()], options, "")
            index = pairs[index]
        elif mark["name"] is not None:
            found = _Choice(mark[0], None, mark["name"])
        else:
            index += 1
            continue
        pieces += [text[done : mark.start()], found]
        done = mark.start() + len(found.source)
        index += 1
    pieces.append(text[done:])
    return pieces, unpaired


def _pairs(marks: list[re.Match[str]]) -> tuple[dict[int, int], bool]:
    """Return which mark closes the bracket that another one opens, and whether there are brackets left over."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    unpaired = False
    for index, mark in enumerate(marks):
        if mark[0] == "{":
            opened.append(index)
        elif mark[0] == "}" and opened:
            pairs[opened.pop()] = index
        elif mark[0] == "}":
            unpaired = True
    return pairs, unpaired or bool(opened)


def _options(text: str, marks: list[re.Match[str]], first: int, pairs: dict[int, int]) -> Iterator[str]:
    """Yield what stands between the bars of a pair of brackets."""
    begin = marks[first].end()
    index = first + 1
    while index < pairs[first]:
        if marks[index][0] == "|":
            yield text[begin : marks[index].start()]
            begin = marks[index].end()
        # what is within inner brackets belongs to these
        index = pairs.get(index, index) + 1
    yield text[begin : marks[pairs[first]].start()]
