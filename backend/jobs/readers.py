"""Who hears of jobs: the connections of each owner, which come and go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from protocol import Event, Preview, Raster


class Reader(Protocol):
    """One of an owner's connections: told of all jobs of that owner. Its methods return at once and do not raise."""

    def tell(self, event: Event) -> None:
        """Send this event."""

    def show(self, preview: Preview, content: bytes) -> None:
        """Send this preview, if the other side reads fast enough."""

    def ask(self, rasters: list[Raster]) -> None:
        """Ask for these attachments; each that comes is given to `Desk.arrived`."""

    def forget(self, names: list[str]) -> None:
        """No longer expect these attachments."""


class Readers:
    """The readers of each owner."""

    def __init__(self) -> None:
        self._of: dict[str, list[Reader]] = {}

    def attach(self, owner: str, reader: Reader) -> None:
        """Take one more reader of this owner's."""
        self._of.setdefault(owner, []).append(reader)

    def detach(self, owner: str, reader: Reader) -> None:
        """Forget a reader. Raises ValueError for one that is none of the owner's."""
        readers = self._of.get(owner, [])
        readers.remove(reader)
        if not readers:
            del self._of[owner]

    def of(self, owner: str) -> Iterable[Reader]:
        """Return this owner's readers."""
        return self._of.get(owner, ())

    def tell(self, owner: str, event: Event) -> None:
        """Tell all readers of this owner."""
        for reader in self.of(owner):
            reader.tell(event)
