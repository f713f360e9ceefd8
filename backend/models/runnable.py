"""Which families, and which kinds of their models, this version can run: those whose adapter is there."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Final

from backend.families.facts import FAMILIES, FamilyFacts, Variant

from .problems import NotUsable

_VARIANTS: Final[dict[Variant, str]] = {
    "base": "an ordinary one",
    "inpaint": "one for inpainting alone",
    "edit": "one that works from pictures",
    "layered": "one that takes pictures apart into layers",
}


def require_adapter(family: FamilyFacts, variant: Variant) -> None:
    """Raise NotUsable when this version cannot run such a model."""
    if not _has_adapter(family.adapter):
        raise NotUsable(
            f"It is a {family.title} model, which this version cannot run yet. It runs models of these families:"
            f" {runnable_titles()}."
        )
    if variant not in family.variants:
        raise NotUsable(
            f"It is a {family.title} model, but {_VARIANTS[variant]}, which this version cannot run. Choose another one of"
            " this family."
        )


def runnable_titles() -> str:
    """The families that can be run, for a sentence."""
    return ", ".join(family.title for family in FAMILIES.values() if _has_adapter(family.adapter))


@cache
def _has_adapter(name: str) -> bool:
    """Finding a module does not load it, nor the libraries that it imports."""
    return find_spec(f"backend.families.{name}") is not None
