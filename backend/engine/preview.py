"""Small looks at a picture in the making, by a linear map from latents to colours.

Nobody writes the map down: it is fitted to the model's own VAE, on one small picture of known colours. So it holds for
every family and every VAE, and costs a matrix product per preview.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch

from backend.families.adapter import Adapter
from backend.pixels import raw
from backend.plan import Plan
from protocol import Bounds, Extent, Raster

MOST_PREVIEWS: Final = 12
"""Per picture: a look per second or two is what a painter follows; each costs a message on the way."""

LONGEST_SIDE: Final = 256
"""Pixels. It is a look, not a picture: at most 192 KiB."""

FIT_LATENTS: Final = 16
"""Side of the picture that the map is fitted to, in latent pixels: 256 equations for about five unknowns."""

FIT_PATCH: Final = 2
"""Side of its patches of one colour, in latent pixels: a latent knows some of its neighbours."""

FIT_SEED: Final = 0
"""Of its colours: the same preview every time."""


@dataclass(frozen=True)
class LatentColours:
    """The map: `weights` [channels + 1, 3] give red, green, blue, 0 to 1, of a latent pixel and a one."""

    weights: torch.Tensor

    def rgb(self, latents: torch.Tensor) -> torch.Tensor:
        """Colours [h, w, 3], 0 to 1, of latents `[1, channels, h, w]`."""
        pixels = latents[0].permute(1, 2, 0)
        return (pixels @ self.weights[:-1] + self.weights[-1]).clamp(0, 1)


def fit_colours(adapter: Adapter) -> LatentColours:
    """Fit the map to a model's VAE by least squares."""
    patches = FIT_LATENTS // FIT_PATCH
    generator = torch.Generator("cpu").manual_seed(FIT_SEED)
    colours = torch.rand(1, 3, patches, patches, generator=generator)
    per_latent = torch.nn.functional.interpolate(colours, scale_factor=FIT_PATCH)
    picture = torch.nn.functional.interpolate(per_latent, scale_factor=adapter.latent_scale)
    latents = adapter.seen(adapter.encode_image(picture * 2 - 1).mean).cpu()
    known = torch.cat([latents, torch.ones_like(latents[:, :1])], dim=1)
    weights = torch.linalg.lstsq(_rows(known), _rows(per_latent), driver="gelsd").solution
    return LatentColours(weights.to(adapter.device))


def _rows(picture: torch.Tensor) -> torch.Tensor:
    return picture[0].flatten(1).T.contiguous()


def is_due(step: int, steps: int) -> bool:
    """Whether to show a picture after `step` of `steps`, from 1: spread evenly, and not at the last one."""
    shown = min(MOST_PREVIEWS, steps)
    return step < steps and step * shown // steps > (step - 1) * shown // steps


def draw(colours: LatentColours, clean: torch.Tensor, plan: Plan) -> tuple[Raster, bytes]:
    """Draw the plan's result, as far as whole latent pixels show it, from the latents that a step is heading for."""
    rgb = colours.rgb(clean)
    height, width = rgb.shape[:2]
    part = _part(plan.result.relative_to(plan.crop), plan.crop.extent, Extent(width, height))
    rgb = rgb[part.y : part.bottom, part.x : part.right]
    if part.extent.longest > LONGEST_SIDE:
        small = part.extent.scaled(LONGEST_SIDE / part.extent.longest)
        rows = rgb.permute(2, 0, 1)[None]
        rgb = torch.nn.functional.interpolate(rows, (small.height, small.width), mode="area")[0].permute(1, 2, 0)
    return raw.to_raster((rgb * 255).round().to(torch.uint8).cpu().numpy(), "rgb")


def _part(result: Bounds, crop: Extent, latents: Extent) -> Bounds:
    """The latent pixels that have a share in the result."""
    left, right = result.x * latents.width // crop.width, -(-result.right * latents.width // crop.width)
    top, bottom = result.y * latents.height // crop.height, -(-result.bottom * latents.height // crop.height)
    return Bounds(left, top, right - left, bottom - top)
