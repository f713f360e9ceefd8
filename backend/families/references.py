"""Pictures that a model is shown to work from, brought to a size that it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image


@dataclass(frozen=True)
class ReferenceSize:
    """What a model takes: at most `most_pixels`, sides of multiples of `multiple` and at least `least_side` pixels.

    A picture of which one side is more than `longest` times the other loses the ends of it.
    """

    most_pixels: int
    multiple: int
    least_side: int
    longest: int

    def fit(self, rgb: torch.Tensor) -> torch.Tensor:
        """A picture `[1, 3, height, width]`, -1 to 1, made to fit: smaller or larger as a whole, then cut around its middle.

        By Lanczos' filter, in full precision; one that fits but for `multiple` keeps its pixels.
        """
        height, width = rgb.shape[-2:]
        rgb = _middle(rgb, min(height, width * self.longest), min(width, height * self.longest))
        height, width = rgb.shape[-2:]
        share = min(1.0, math.sqrt(self.most_pixels / (height * width)))
        if min(height, width) * share < self.least_side:
            share = self.least_side / min(height, width)
            height, width = round(height * share), round(width * share)
        elif share < 1:
            height, width = int(height * share), int(width * share)
        rgb = _resized(rgb, height, width)
        return _middle(rgb, height - height % self.multiple, width - width % self.multiple)


def _middle(rgb: torch.Tensor, height: int, width: int) -> torch.Tensor:
    top, left = (rgb.shape[-2] - height) // 2, (rgb.shape[-1] - width) // 2
    return rgb[..., top : top + height, left : left + width]


def _resized(rgb: torch.Tensor, height: int, width: int) -> torch.Tensor:
    if rgb.shape[-2:] == (height, width):
        return rgb
    planes = rgb[0].float().cpu().numpy()
    resized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), Image.Resampling.LANCZOS))
        for plane in planes
    ]
    # the filter swings past the values that it was given
    return torch.from_numpy(np.stack(resized))[None].clamp(-1, 1).to(rgb.device)
