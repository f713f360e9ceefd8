"""What the link's thread has heard, until the main thread has time for it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final

FULL: Final = 64
"""Items that wait before the socket is no longer read: the backend then drops previews, and keeps results."""

LOOK_SECONDS: Final = 0.01
"""Between two looks whether there is room again: far below what a person notices."""


class Mailbox:
    """A queue from one thread to another, of which a newer item may take an older one's place.

    `wake` is called in the putting thread, and not again until the box was empty: the taking side calls `take` until then.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._entries: deque[list[object]] = deque()
        self._newest: dict[Hashable, list[object]] = {}
        self._awake = False

    def put(self, item: object, key: Hashable = None) -> None:
        """Leave an item. One that waits under the same `key`, if there is one, is replaced where it stands."""
        with self._lock:
            waiting = self._newest.get(key) if key is not None else None
            if waiting is not None:
                waiting[0] = item
                return
            entry = [item]
            self._entries.append(entry)
            if key is not None:
                self._newest[key] = entry
            wake, self._awake = not self._awake, True
        if wake:
            self._wake()

    def forget(self, key: Hashable) -> None:
        """From now on, let no item take the place of what waits under this key."""
        with self._lock:
            self._newest.pop(key, None)

    def take(self) -> object | None:
        """Return the oldest item, or None when there is none."""
        with self._lock:
            if not self._entries:
                self._awake = False
                return None
            entry = self._entries.popleft()
            for key in [key for key, waiting in self._newest.items() if waiting is entry]:
                del self._newest[key]
            return entry[0]

    async def room(self) -> None:
        """Return once fewer than `FULL` items wait."""
        while len(self._entries) >= FULL:
            await asyncio.sleep(LOOK_SECONDS)
