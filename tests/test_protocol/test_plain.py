"""Dataclasses to plain values and back: no surprises in either direction."""

import enum
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import MAX_INTEGER, DecodeError, from_plain, to_plain


@dataclass(frozen=True)
class Leaf:
    number: float = 0.0
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ValueError("no 13 here")


@dataclass(frozen=True)
class Tree:
    count: int
    name: str = ""
    flag: bool = False
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    old_style: Optional[int] = None  # noqa: UP045 - both ways of writing a union must work
    made: Leaf = field(default_factory=Leaf)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["count", "name", "leaf", "leaves", "number", "x"]), inner)
    ),
)


@given(anything)
def test_anything_gives_a_value_or_an_error_with_a_path(plain):
    problem = ""
    try:
        value = from_plain(Tree, plain)
    except DecodeError as error:
        problem = str(error)
        path = error.path
    if problem:
        assert path.startswith("$")
        assert problem.endswith(f" at {path}")
    else:
        assert from_plain(Tree, to_plain(value)) == value


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ([], "expected object, got array at $"),
        (None, "expected object, got null at $"),
        ({}, "missing field 'count' at $"),
        ({"count": "3"}, "expected int, got str at $.count"),
        ({"count": 3.0}, "expected int, got float at $.count"),
        ({"count": True}, "expected int, got bool at $.count"),
        ({"count": None}, "expected int, got null at $.count"),
        ({"count": MAX_INTEGER + 1}, f"an integer beyond {MAX_INTEGER} at $.count"),
        ({"count": -MAX_INTEGER - 1}, f"an integer beyond {MAX_INTEGER} at $.count"),
        ({"count": 1, "flag": 1}, "expected bool, got int at $.flag"),
        ({"count": 1, "name": 1}, "expected str, got int at $.name"),
        ({"count": 1, "name": "\udc80"}, "half a surrogate pair, which no UTF-8 can carry at $.name"),
        ({"count": 1, "leaf": {"number": True}}, "expected float, got bool at $.leaf.number"),
        ({"count": 1, "leaf": {"number": float("inf")}}, "a number beyond the range of a double at $.leaf.number"),
        ({"count": 1, "leaf": {"number": float("nan")}}, "a number beyond the range of a double at $.leaf.number"),
        ({"count": 1, "leaf": {"number": 10**400}}, f"an integer beyond {MAX_INTEGER} at $.leaf.number"),
        ({"count": 1, "leaf": {"kind": "c"}}, "expected one of 'a', 'b', got 'c' at $.leaf.kind"),
        ({"count": 1, "leaf": {"kind": None}}, "expected str, got null at $.leaf.kind"),
        ({"count": 1, "leaf": {"number": 13}}, "no 13 here at $.leaf"),
        ({"count": 1, "leaves": {}}, "expected array, got object at $.leaves"),
        ({"count": 1, "leaves": [{}, {"number": ""}]}, "expected float, got str at $.leaves[1].number"),
        ({"count": 1, "leaves": [None]}, "expected object, got null at $.leaves[0]"),
        ({"count": 1, "old_style": "1"}, "expected int, got str at $.old_style"),
        ({"count": 1, "made": None}, "expected object, got null at $.made"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(plain, says):
    with pytest.raises(DecodeError) as caught:
        from_plain(Tree, plain)
    assert str(caught.value) == says


def test_a_whole_number_passes_for_a_float_and_becomes_one():
    leaf = from_plain(Leaf, {"number": 3})
    assert leaf.number == 3.0
    assert type(leaf.number) is float


def test_a_union_takes_null_or_the_type():
    assert from_plain(Tree, {"count": 1, "leaf": None, "old_style": None}) == Tree(1)
    assert from_plain(Tree, {"count": 1, "leaf": {}, "old_style": 5}) == Tree(1, leaf=Leaf(), old_style=5)


class Colour(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "foreign", [b"bytes", [1], {"a": 1}, {1}, 1j, Decimal(1), object(), Colour.RED, Leaf, (1, b"inside"), len]
)
def test_nothing_travels_by_accident(foreign):
    with pytest.raises(TypeError, match="is no value of the contract"):
        to_plain(foreign)


@dataclass(frozen=True)
class Odd:
    value: dict


@dataclass(frozen=True)
class TwoWays:
    value: int | str


@dataclass(frozen=True)
class Fixed:
    value: tuple[int, int]


@pytest.mark.parametrize("cls", [Odd, TwoWays, Fixed, bytes])
def test_a_class_outside_the_contract_is_a_fault_of_ours_and_not_of_the_other_side(cls):
    with pytest.raises(TypeError, match="is no type of the contract"):
        from_plain(cls, {"value": None})


@given(st.builds(Tree, st.integers(-MAX_INTEGER, MAX_INTEGER), leaves=st.lists(st.builds(Leaf), max_size=3).map(tuple)))
def test_plain_values_are_those_of_json(tree):
    assert json.loads(json.dumps(to_plain(tree))) == to_plain(tree)
