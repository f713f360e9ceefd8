"""Faults of the plugin's own: to the log and to the painter, never to Krita, which would open a dialog with a traceback."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from .notice import Notice, NoticeAction, NoticeKind

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])


class _Teller(Protocol):
    def tell(self, notice: Notice) -> None: ...


def notice_of(error: Exception) -> Notice:
    """Log a fault with its traceback; return what to tell of it."""
    log.error("a fault in the plugin", exc_info=error)
    return Notice(
        NoticeKind.ERROR,
        f"Something went wrong inside the plugin: {type(error).__name__}: {error}.",
        "Save your picture. If it happens again, please report it, with the log.",
        (NoticeAction.OPEN_LOG,),
    )


def guarded(method: F) -> F:
    """Have whatever a method raises told by its object's `tell`; it then returns None."""

    @functools.wraps(method)
    def call(self: _Teller, *arguments: object, **named: object) -> object:
        try:
            return method(self, *arguments, **named)
        except Exception as error:  # noqa: BLE001 - whatever it is, Krita must not get it
            self.tell(notice_of(error))
            return None

    return cast(F, call)
