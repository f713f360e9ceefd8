"""From latents to a picture, never a broken one."""

from __future__ import annotations

import torch

from backend.families.adapter import Adapter

from .failures import broken_picture


def decode(adapter: Adapter, latents: torch.Tensor) -> torch.Tensor:
    """Decode latents `[1, channels, h, w]` to a picture `[1, 3, H, W]` of values from 0 to 1.

    In half precision a VAE may overflow: to NaN, which some backends turn into black. Such a picture is decoded again in
    float32, and so is every later one of this model. In float32 a black picture is what the model painted, and passes: a
    black canvas refined a little, or a prompt for night, is no fault.

    Raises CannotPaint when latents or picture are not finite.
    """
    if not bool(torch.isfinite(latents).all()):
        raise broken_picture("the model's latents")
    rgb = adapter.decode(latents)
    if not adapter.decodes_in_full and (not bool(torch.isfinite(rgb).all()) or is_black(rgb)):
        adapter.decode_in_full()
        rgb = adapter.decode(latents)
    if not bool(torch.isfinite(rgb).all()):
        raise broken_picture("the decoded pixels")
    return (rgb / 2 + 0.5).clamp(0, 1)


def is_black(rgb: torch.Tensor) -> bool:
    """Whether no channel of any pixel of a picture from -1 to 1 is above black."""
    return bool((rgb <= -1).all())
