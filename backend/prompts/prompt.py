"""A prompt as a value: what is said, and how much each part of it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from protocol import MAX_NAME_CHARS

MAX_WEIGHT: Final = 10.0
"""Of words and of LoRAs, on either side of 0. Pictures fall apart far below it; it keeps what is multiplied finite."""


@dataclass(frozen=True)
class Fragment:
    """Words that count alike. 1 is the usual weight; it lies between -`MAX_WEIGHT` and `MAX_WEIGHT`."""

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not -MAX_WEIGHT <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"weight must lie between {-MAX_WEIGHT:g} and {MAX_WEIGHT:g}, got {self.weight:g}")


@dataclass(frozen=True)
class Prompt:
    """What a text encoder is to read. `parts` are what BREAK separates, each a row of fragments; none is the empty prompt.

    `clip_skip` is for CLIP alone and says which of its layers speaks, counted from the end as painters do: 1 is the last.
    """

    parts: tuple[tuple[Fragment, ...], ...] = ()
    clip_skip: int = 1

    def __post_init__(self) -> None:
        if self.clip_skip < 1:
            raise ValueError(f"clip_skip counts from 1, got {self.clip_skip}")

    @staticmethod
    def of(text: str) -> Prompt:
        """Return the prompt that says just this, whatever brackets are in it."""
        return Prompt(((Fragment(text),),)) if text else Prompt()

    @property
    def text(self) -> str:
        """All of its words in one piece, as an encoder reads them that knows neither weights nor BREAK."""
        return " ".join("".join(fragment.text for fragment in part) for part in self.parts)

    @property
    def is_weighted(self) -> bool:
        """Whether some of its words count more or less than others."""
        return any(fragment.weight != 1 for part in self.parts for fragment in part)

    @property
    def is_broken(self) -> bool:
        """Whether there is a BREAK in it."""
        return len(self.parts) > 1

    def plain(self) -> Prompt:
        """Return the same words without weights and BREAK."""
        return Prompt.of(self.text)


@dataclass(frozen=True)
class LoraUse:
    """A LoRA that a prompt asks for by name, and its weight, between -`MAX_WEIGHT` and `MAX_WEIGHT`."""

    name: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME_CHARS:
            raise ValueError(f"a LoRA's name must have 1 to {MAX_NAME_CHARS} characters")
        if not -MAX_WEIGHT <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"weight must lie between {-MAX_WEIGHT:g} and {MAX_WEIGHT:g}, got {self.weight:g}")


@dataclass(frozen=True)
class Words:
    """All that one picture is told in words: what to show, what to keep away from, and the LoRAs that the words ask for."""

    prompt: Prompt = field(default_factory=Prompt)
    negative: Prompt = field(default_factory=Prompt)
    loras: tuple[LoraUse, ...] = ()
