"""Ovis-Image, which diffusers paints from prompts alone."""

from __future__ import annotations

from .case import Case

OVIS = (Case("Ovis-Image", "ovis", "ovis", guidance=5.0, negative=True),)
