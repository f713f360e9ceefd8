"""What the painter has set up for a document, and how it is kept inside the document."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from ..bundled import protocol

ANNOTATION: Final = "scumble/settings"
"""Name of the annotation that holds them; Krita saves it in the .kra."""

MOST_VARIATIONS: Final = 8
"""Pictures of one job: two rows of thumbnails at the docker's least width, and half of what the contract allows."""

USUAL_LAYERS: Final = 4
"""Layers that a picture is taken apart into, as the makers of Qwen-Image-Layered have it where nobody says."""

MOST_REFERENCES: Final = protocol.MAX_REFERENCES
"""Layers that a document remembers as references: as many as any job carries."""

MOST_CHARS: Final = 2 * protocol.MAX_PROMPT_CHARS + MOST_REFERENCES * (protocol.MAX_NAME_CHARS + 100) + 1000
"""Of the annotation: two prompts of the greatest length, the references, and the rest."""

MOST_BYTES: Final = 12 * MOST_CHARS
"""A character is twelve bytes at most, as JSON escapes it in ASCII. What is larger, nobody has written here."""


@dataclass(frozen=True)
class Reference:
    """A layer of the document that the model is shown: its id, and the name that it had when the painter chose it."""

    layer: str
    name: str


@dataclass(frozen=True)
class Settings:
    """What the painter has set up for a document.

    `strength` is above 0 and at most 1; `seed` from 0 to `protocol.MAX_SEED` and used where not `random_seed`; `count` from 1
    to `MOST_VARIATIONS`; `style` a style's name, "" for the first; `layers` from 1 to `protocol.MAX_LAYERS`, for models that
    take a picture apart; `references` at most `MOST_REFERENCES`, each layer once, in the order in which the model is shown them.
    Raises ValueError for what is outside of these.
    The texts may be any; whether they can be painted is told when it is asked for.
    """

    prompt: str = ""
    negative: str = ""
    strength: float = 1.0
    seed: int = 0
    random_seed: bool = True
    count: int = 1
    style: str = ""
    layers: int = USUAL_LAYERS
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise ValueError(f"strength must be above 0 and at most 1, got {self.strength}")
        if not 0 <= self.seed <= protocol.MAX_SEED:
            raise ValueError(f"seed must lie between 0 and {protocol.MAX_SEED}, got {self.seed}")
        if not 1 <= self.count <= MOST_VARIATIONS:
            raise ValueError(f"count must lie between 1 and {MOST_VARIATIONS}, got {self.count}")
        if not 1 <= self.layers <= protocol.MAX_LAYERS:
            raise ValueError(f"layers must lie between 1 and {protocol.MAX_LAYERS}, got {self.layers}")
        layers = {reference.layer for reference in self.references}
        if len(self.references) > MOST_REFERENCES or len(layers) < len(self.references):
            raise ValueError(
                f"references must be at most {MOST_REFERENCES} different layers, got {len(self.references)}"
            )


def encode_settings(settings: Settings) -> bytes:
    """Return the settings as they stand in a document: a JSON object in UTF-8."""
    return json.dumps(asdict(settings), ensure_ascii=True).encode("ascii")


def decode_settings(data: bytes) -> Settings:
    """Return what `encode_settings` has written. Each field that cannot be read has its default; never an error."""
    if not 0 < len(data) <= MOST_BYTES:
        return Settings()
    try:
        plain = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return Settings()
    if not isinstance(plain, dict):
        return Settings()
    default, read = Settings(), {}
    for name, usual in vars(default).items():
        value = plain.get(name, usual)
        if name == "references":
            value = _references(value)
        if _is_like(value, usual) and _fits(name, value):
            read[name] = value
    return Settings(**read)


def _references(value: object) -> object:
    """Return references from what JSON holds for them; what is none stays as it is."""
    if not isinstance(value, list):
        return value
    fitting = [one for one in value if isinstance(one, dict) and all(type(one.get(key)) is str for key in _REFERENCE)]
    return (
        tuple(Reference(*(one[key] for key in _REFERENCE)) for one in fitting) if len(fitting) == len(value) else value
    )


_REFERENCE: Final = tuple(field.name for field in fields(Reference))


def _is_like(value: object, usual: object) -> bool:
    if isinstance(usual, float):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is type(usual)


def _fits(name: str, value: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    try:
        Settings(**{name: value})
    except ValueError:
        return False
    return True
