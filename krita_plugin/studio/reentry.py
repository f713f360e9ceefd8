"""Krita lets the event loop run inside of some of its calls, and so our own timers: what is being done must not begin again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

Owner = TypeVar("Owner")


def not_inside_itself(method: Callable[[Owner], None]) -> Callable[[Owner], None]:
    """Have a method do nothing while it is already at work for the same object."""
    at_work: set[int] = set()

    @functools.wraps(method)
    def call(self: Owner) -> None:
        if id(self) in at_work:
            return
        at_work.add(id(self))
        try:
            method(self)
        finally:
            at_work.discard(id(self))

    return call
