"""Passes one edit of the painter on to the studio."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..studio import Studio


def edit(studio: Studio, **fields: Any) -> None:  # noqa: ANN401 - each field of Settings has a type of its own
    """Change those fields of the settings and leave the others. Raises TypeError for what is no field of `Settings`."""
    settings = replace(studio.settings, **fields)
    if settings != studio.settings:
        studio.change(settings)
