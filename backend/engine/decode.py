"""From latents to a picture, never a broken one."""

from __future__ import annotations

import torch

from backend.families.adapter import Adapter, LayeredAdapter

from .failures import broken_picture


def decode(adapter: Adapter, latents: torch.Tensor) -> torch.Tensor:
    """Decode latents `[1, channels, h, w]` to a picture `[1, 3, H, W]` of values from 0 to 1.

    In half precision a VAE may overflow: to NaN, which some backends turn into black. Such a picture is decoded again in
    float32, and so is every later one of this model. In float32 a black picture is what the model painted, and passes: a
    black canvas refined a little, or a prompt for night, is no fault.

    Raises CannotPaint when latents or picture are not finite.
    """
    _check(latents)
    rgb = adapter.decode(latents)
    if not adapter.decodes_in_full and (not bool(torch.isfinite(rgb).all()) or is_black(rgb)):
        adapter.decode_in_full()
        rgb = adapter.decode(latents)
    return _from_0_to_1(rgb)


def decode_layer(adapter: LayeredAdapter, latents: torch.Tensor) -> torch.Tensor:
    """Decode one layer's latents `[1, channels, h, w]` to `[1, 4, H, W]` of values from 0 to 1, the last its alpha.

    As `decode`; but that one is black is no sign of anything: most of a layer is clear.
    """
    _check(latents)
    rgba = adapter.decode_layer(latents)
    if not adapter.decodes_in_full and not bool(torch.isfinite(rgba).all()):
        adapter.decode_in_full()
        rgba = adapter.decode_layer(latents)
    return _from_0_to_1(rgba)


def _check(latents: torch.Tensor) -> None:
    if not bool(torch.isfinite(latents).all()):
        raise broken_picture("the model's latents")


def _from_0_to_1(pixels: torch.Tensor) -> torch.Tensor:
    if not bool(torch.isfinite(pixels).all()):
        raise broken_picture("the decoded pixels")
    return (pixels / 2 + 0.5).clamp(0, 1)


def is_black(rgb: torch.Tensor) -> bool:
    """Whether no channel of any pixel of a picture from -1 to 1 is above black."""
    return bool((rgb <= -1).all())
