"""Frozen dataclasses to plain JSON values and back: strictly, with the path to what is wrong.

Known are bool, int, float, str, None, Literal, tuples of one type, other dataclasses, and unions of these with None. Fields that the
reader does not know are ignored; fields that are missing take their defaults; a value never changes its type on the way,
but for whole numbers where a float is expected.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

from .errors import DecodeError
from .limits import MAX_INTEGER

T = TypeVar("T")
Decoder = Callable[[Any, str], Any]

_NAMES = {bool: "bool", int: "int", float: "float", str: "str", type(None): "null", list: "array", dict: "object"}


def to_plain(value: Any) -> Any:  # noqa: ANN401 - any value of the contract
    """Return the value as dicts, lists, strings, numbers, booleans and None.

    Raises TypeError for anything that is none of these, so that nothing travels by accident.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} is no value of the contract")


def from_plain(cls: type[T], plain: Any, path: str = "$") -> T:  # noqa: ANN401 - whatever JSON gave
    """Return the dataclass `cls` made of a plain object.

    Raises DecodeError with the path at the first thing that does not fit, invariants of the values included.
    """
    decoder = _decoder(cast("Any", cls))
    return cast("T", decoder(plain, path))


def _name(value: Any) -> str:  # noqa: ANN401
    return _NAMES.get(type(value), type(value).__name__)


def _wrong(expected: str, value: Any, path: str) -> DecodeError:  # noqa: ANN401
    return DecodeError(f"expected {expected}, got {_name(value)}", path)


@cache
def _decoder(wanted: Any) -> Decoder:  # noqa: ANN401 - a type or a typing form
    """Build the decoder of one type, once."""
    if wanted is bool:
        return _truth
    if wanted is int:
        return _integer
    if wanted is str:
        return _text
    if wanted is float:
        return _number
    if dataclasses.is_dataclass(wanted) and isinstance(wanted, type):
        return _dataclass(wanted)
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Literal:
        return _literal(arguments)
    if origin in (typing.Union, types.UnionType) and len(arguments) == 2 and type(None) in arguments:
        return _optional(next(argument for argument in arguments if argument is not type(None)))
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _tuple(arguments[0])
    raise TypeError(f"{wanted} is no type of the contract")


def _truth(value: Any, path: str) -> bool:  # noqa: ANN401
    if type(value) is not bool:
        raise _wrong("bool", value, path)
    return value


def _integer(value: Any, path: str) -> int:  # noqa: ANN401
    # type(), not isinstance(): True is an int to Python, and not to the contract
    if type(value) is not int:
        raise _wrong("int", value, path)
    if abs(value) > MAX_INTEGER:
        raise DecodeError(f"an integer beyond {MAX_INTEGER}", path)
    return value


def _text(value: Any, path: str) -> str:  # noqa: ANN401
    if type(value) is not str:
        raise _wrong("str", value, path)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise DecodeError("half a surrogate pair, which no UTF-8 can carry", path) from None
    return value


def _number(value: Any, path: str) -> float:  # noqa: ANN401
    if type(value) is int:
        return float(_integer(value, path))
    if type(value) is not float:
        raise _wrong("float", value, path)
    if not math.isfinite(value):
        raise DecodeError("a number beyond the range of a double", path)
    return value


def _literal(choices: tuple[Any, ...]) -> Decoder:
    allowed = ", ".join(repr(choice) for choice in choices)

    def decode(value: Any, path: str) -> Any:  # noqa: ANN401
        if type(value) is not str:
            raise _wrong("str", value, path)
        if value not in choices:
            raise DecodeError(f"expected one of {allowed}, got {value[:40]!r}", path)
        return value

    return decode


def _optional(wanted: Any) -> Decoder:  # noqa: ANN401
    inner = _decoder(wanted)

    def decode(value: Any, path: str) -> Any:  # noqa: ANN401
        return None if value is None else inner(value, path)

    return decode


def _tuple(wanted: Any) -> Decoder:  # noqa: ANN401
    inner = _decoder(wanted)

    def decode(value: Any, path: str) -> tuple[Any, ...]:  # noqa: ANN401
        if type(value) is not list:
            raise _wrong("array", value, path)
        return tuple(inner(item, f"{path}[{index}]") for index, item in enumerate(value))

    return decode


def _dataclass(cls: type) -> Decoder:
    hints = typing.get_type_hints(cls)
    fields = [
        (field.name, _decoder(hints[field.name]), _has_no_default(field))
        for field in dataclasses.fields(cls)
        if field.init
    ]

    def decode(value: Any, path: str) -> Any:  # noqa: ANN401
        if type(value) is not dict:
            raise _wrong("object", value, path)
        found: dict[str, Any] = {}
        for name, inner, required in fields:
            if name in value:
                found[name] = inner(value[name], f"{path}.{name}")
            elif required:
                raise DecodeError(f"missing field {name!r}", path)
        try:
            return cls(**found)
        except ValueError as error:
            raise DecodeError(str(error), path) from error

    return decode


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
