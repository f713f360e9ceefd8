"""What a connection asks of the server that it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from backend.jobs import Desk
from protocol import Limits, Loras, ModelInfo, Status, Styles, Welcome


class House(Protocol):
    """The server, to one of its sessions."""

    desk: Desk
    limits: Limits

    def inbox(self) -> Path | None:
        """Make a folder where one client may lay pixels; None where that cannot be."""
        ...

    def welcome(self) -> Welcome:
        """Return the greeting."""
        ...

    def status(self) -> Status:
        """Return how the server is."""
        ...

    async def models(self) -> tuple[ModelInfo, ...]:
        """Return the models that are there now."""
        ...

    async def styles(self) -> Styles:
        """Return the styles that there are now."""
        ...

    async def loras(self) -> Loras:
        """Return the LoRAs that there are now."""
        ...

    def shut_down(self, force: bool) -> None:
        """Begin to stop. Raises Refusal while there are jobs, unless by force."""
        ...
