"""What a plan tells the painter."""

from __future__ import annotations

from dataclasses import dataclass

from protocol import Matter


@dataclass(frozen=True)
class Note:
    """A sentence for the painter, and what it is about where that is as true of the next picture by the same model."""

    text: str
    matter: Matter = ""
