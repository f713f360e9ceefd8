"""Plans that take a picture apart."""

from __future__ import annotations

from backend.families.adapter import Adapter, LayeredAdapter
from backend.plan import Plan

from .failures import unusable_model


def for_plan(adapter: Adapter, plan: Plan) -> Adapter:
    """Return the model as it makes what a plan asks for: in as many layers, where it asks for any.

    Raises CannotPaint where the model turns out to make none, whatever its files say.
    """
    if not plan.layers:
        return adapter
    if not isinstance(adapter, LayeredAdapter):
        raise unusable_model("The model", "Its denoiser makes no layers, though its VAE knows transparency.")
    return adapter.of_layers(plan.layers)


def at_once(most: int, plan: Plan) -> int:
    """Return how many pictures are painted at once, at least 1, where there is room for `most` flat ones."""
    return max(1, most // (1 + plan.layers))
