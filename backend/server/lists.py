"""Lists of what lies on the disk: made aside, so that other messages pass meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from backend.jobs import Refusal
from protocol import Event, Failure, Refused

log = logging.getLogger(__name__)

MAX_LISTS: Final = 8
"""Lists of models, styles and LoRAs that one connection may wait for at once."""


class Lists:
    """The lists that one connection waits for. `answer` gets each; it raises ValueError for one that cannot travel."""

    def __init__(self, answer: Callable[[Event], None]) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, request: str, look: Callable[[], Awaitable[Event]]) -> None:
        """Answer this request when the disk has been looked at. Raises Refusal while too many are being made."""
        if len(self._tasks) >= MAX_LISTS:
            raise Refusal(_IMPATIENT)
        task = asyncio.create_task(self._make(request, look), name="list what is there")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Nobody waits for them any more."""
        for task in self._tasks:
            task.cancel()

    async def _make(self, request: str, look: Callable[[], Awaitable[Event]]) -> None:
        try:
            self._answer(await look())
        except Exception:
            # who has asked waits for an answer, whatever went wrong
            log.exception("a %s cannot be answered", request)
            self._answer(Refused(request, _NOT_LISTED))


_NOT_LISTED: Final = Failure(
    "internal", "The backend could not make the list.", "Try again. If it happens again, the backend's log tells more."
)

_IMPATIENT: Final = Failure("impatient", "The list is being made already.", "Wait for it: a slow disk takes a while.")
