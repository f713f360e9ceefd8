"""Choices that are drawn: ``{red|green|blue}``, and ``__colours__`` for a line of a file.

The syntax is that of Dynamic Prompts (https://github.com/adieyal/sd-dynamic-prompts/blob/main/docs/SYNTAX.md): variants, also
nested, also with weights as in ``{2::red|green}``, where an option without one has the weight 1; several different ones, as
in ``{2$$red|green|blue}``, ``{1-2$$ and $$red|green|blue}`` and ``{2$$__colours__}``; and wildcards, also with folders in their
names, whose lines may hold all of it again. A backslash leaves a bracket, a bar or a line a plain one.

The place of a draw is a row of numbers: which choice or wildcard of its text it is, from 0, behind the place at which that text
was drawn itself. So words that are drawn early do not change what is drawn later. Of several, each counts as one more number:
how many there are is drawn at -1, the first of them at -2, the next at -3, and what is in them from 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

from protocol import MAX_PROMPT_CHARS

from .draw import Draws
from .numbers import NUMBER
from .shown import shown
from .wildcards import NoWildcard

Wildcards = Callable[[str], tuple[str, ...]]
"""Returns the choices of a wildcard by its name, at least one. Raises NoWildcard."""

MAX_DEPTH: Final = 16
"""Choices within each other. Collections of wildcards nest four or five deep; one that names itself goes on for ever."""

MAX_DRAWS: Final = 1000
"""Draws of one text: more than anybody reads, and a bound for wildcards that name several others each."""

MAX_SEVERAL: Final = 20
"""Different ones of one choice: longer lists than that say nothing that a model could show."""

SEPARATOR: Final = ", "
"""Between several, where the choice names no other."""

WEIGHT_UNITS: Final = 1000
"""Weights of choices count in thousandths: whole numbers add up to the same on every machine."""

MAX_CHOICE_WEIGHT: Final = 1_000_000
"""Already at a thousandth of it nobody would notice that there are other choices."""

_WEIGHT = re.compile(rf"\s*({NUMBER})\s*::")
_SEVERAL = re.compile(
    r"\s*(?=-?[0-9])(?P<least>[0-9]{1,6})?(?P<range>-)?(?P<most>[0-9]{1,6})?\$\$(?:(?P<between>[^$|{}]*)\$\$)?"
)
_MARKS = re.compile(r"\\.|[{}|]|__(?P<name>[^\W_][\w ./-]*?)__", re.DOTALL)

UNPAIRED: Final = "A curly bracket is without its other half, so it was taken as it stands. To write one on purpose, put \\ before it."
NO_WEIGHTS: Final = "None of the choices in curly brackets weighs anything, so all were equally likely."


class _Several(NamedTuple):
    """How many are asked for, None for as many as there are, and what stands between them."""

    least: int
    most: int | None
    between: str


class _Choice(NamedTuple):
    """A place where something is drawn, as it is written, and the options; None for a wildcard's, by its name."""

    source: str
    options: tuple[str, ...] | None
    name: str
    several: _Several | None = None


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
        between = "" if choice.several is None else choice.several.between
        picks = [self._pick(odds, place)] if choice.several is None else self._picks(choice.several, odds, place)
        longer = sum(map(len, picks)) + len(between) * max(0, len(picks) - 1) - len(choice.source)
        if longer > 0 and self._length + longer > MAX_PROMPT_CHARS:
            return self._left(choice, f"With what is drawn, a prompt has more than {MAX_PROMPT_CHARS} characters")
        self._length += longer
        if choice.several is None:
            return self.drawn(picks[0], place)
        return between.join(self.drawn(pick, (*place, number)) for number, pick in enumerate(picks))

    def _pick(self, odds: _Odds, place: tuple[int, ...]) -> str:
        return odds.texts[self._draws.index(place, odds.sums)]

    def _picks(self, asked: _Several, odds: _Odds, place: tuple[int, ...]) -> list[str]:
        """Draw several different ones, as many as are asked for and there are."""
        weights = [after - before for before, after in pairwise((0, *odds.sums))]
        there = sum(weight > 0 for weight in weights)
        if max(asked.least, asked.most or 0) > MAX_SEVERAL:
            self.notes.append(f"At most {MAX_SEVERAL} of one choice are drawn.")
        least = min(asked.least, there, MAX_SEVERAL)
        most = max(least, min(there, MAX_SEVERAL, there if asked.most is None else asked.most))
        count = least + self._draws.index((*place, -1), range(1, most - least + 2))
        picks = []
        for number in range(count):
            at = self._draws.index((*place, -2 - number), tuple(accumulate(weights)))
            picks.append(odds.texts[at])
            weights[at] = 0
        return picks

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
            found = _choice(text[mark.start() : last.end()], options)
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


def _choice(source: str, options: tuple[str, ...]) -> _Choice:
    """Look whether several are asked for; those of a single wildcard are different lines of it."""
    asked = _SEVERAL.match(options[0])
    if asked is None:
        return _Choice(source, options, "")
    least = int(asked["least"] or 1)
    most = int(asked["most"]) if asked["most"] else None if asked["range"] else least
    several = _Several(least, most, SEPARATOR if asked["between"] is None else asked["between"])
    options = (options[0][asked.end() :], *options[1:])
    wildcard = _MARKS.fullmatch(options[0].strip())
    if len(options) == 1 and wildcard is not None and wildcard["name"] is not None:
        return _Choice(source, None, wildcard["name"], several)
    return _Choice(source, options, "", several)


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
