"""The small model that ships inside, so that a first picture needs no download. See MODEL_CARD.md."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from .hashes import HASHES as HASHES


def folder() -> Path:
    """Where the weights lie, in diffusers' layout. They are read in place, so the package must be unpacked."""
    return Path(str(resources.files(__name__) / "weights"))
