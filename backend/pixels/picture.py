"""A picture as it came from a file: its pixels, and all that must be in the file again when they change."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np

from protocol import ORDER_CHANNELS, Bounds, Depth, Extent, Order

from .colour import from_srgb, to_srgb
from .formats import Format
from .layers import composite
from .png_chunks import Chunk
from .raw import DTYPES, Pixels, depth_of, quantise

THUMBNAIL_FIELD: Final = "jpeg-thumbnail-data"
"""libvips' name for the small picture in EXIF. It is never kept: it would show what the picture was before."""


class MetadataField(NamedTuple):
    """One item of metadata in libvips' terms: its name, its GType, its value."""

    name: str
    gtype: int
    value: object


@dataclass(frozen=True, eq=False)
class PictureFile:
    """A decoded picture. Upright: where the file asks for a turn, the pixels have made it, and `metadata` no longer asks.

    `pixels` are [height, width, channels] with straight alpha, in the file's own depth, 8 or 16 bit, in its own colours,
    read-only. `order` is "gray", "graya", "rgb" or "rgba". `profile` is the embedded ICC profile's bytes; `foreign` whether
    its colours differ from sRGB. `remarks` are sentences for the painter. `metadata`, `resolution` (pixels per millimetre)
    and `png_chunks` are for `save_with`.
    """

    path: Path
    format: Format
    pixels: Pixels
    order: Order
    profile: bytes | None = None
    foreign: bool = False
    remarks: tuple[str, ...] = ()
    metadata: tuple[MetadataField, ...] = field(default=(), repr=False)
    resolution: tuple[float, float] = (1.0, 1.0)
    png_chunks: tuple[Chunk, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != ORDER_CHANNELS[self.order]:
            raise ValueError(f"{self.order} pixels cannot have the shape {self.pixels.shape}")
        if self.depth not in ("u8", "u16"):
            raise ValueError(f"a picture file has 8 or 16 bit, not {self.pixels.dtype}")

    @property
    def extent(self) -> Extent:
        """Width and height in pixels, upright."""
        height, width = self.pixels.shape[:2]
        return Extent(width, height)

    @property
    def depth(self) -> Depth:
        """Depth of one channel: "u8" or "u16"."""
        return depth_of(self.pixels)

    @property
    def colour_channels(self) -> Literal[1, 3]:
        """Channels without alpha."""
        return 1 if self.order in ("gray", "graya") else 3

    @property
    def has_alpha(self) -> bool:
        """Whether there is an alpha channel."""
        return self.order in ("graya", "rgba")

    @property
    def has_profile(self) -> bool:
        """Whether the file carries a colour profile."""
        return self.profile is not None

    def srgb(self, part: Bounds | None = None) -> Pixels:
        """Return the pixels, or a part inside the picture, as sRGB in the same depth: RGB, or RGBA where there is alpha.

        Grey becomes RGB; colours of a foreign profile are converted; alpha stays as it is.
        """
        whole = Bounds.of(self.extent)
        where = part or whole
        if not whole.contains(where):
            raise ValueError(f"{where} lies outside the picture of {self.extent}")
        pixels = self.pixels[where.y : where.bottom, where.x : where.right]
        colours = pixels[..., : self.colour_channels]
        if self.foreign and self.profile is not None:
            rgb = to_srgb(colours, self.profile)
        else:
            rgb = np.broadcast_to(colours, (*colours.shape[:2], 3))
        return np.concatenate((rgb, pixels[..., -1:]), axis=2) if self.has_alpha else np.ascontiguousarray(rgb)

    def with_layer(self, layer: Pixels, bounds: Bounds) -> Pixels:
        """Return new pixels: these with an sRGB layer [height, width, 4] laid over them at `bounds`.

        The layer is brought into the picture's colours and depth; see `layers.composite` for the rest.
        """
        if not (self.foreign and self.profile is not None):
            return composite(self.pixels, layer, bounds)
        deep = quantise(layer, "u16")
        colours = from_srgb(deep[..., :3], self.profile, self.colour_channels)
        rgb = np.broadcast_to(colours, (*colours.shape[:2], 3))
        return composite(self.pixels, np.concatenate((rgb, deep[..., 3:]), axis=2), bounds)

    def cleared(self) -> PictureFile:
        """Return a picture like this one, in every respect but that there is nothing on it: transparent everywhere."""
        height, width = self.pixels.shape[:2]
        pixels = np.zeros((height, width, self.colour_channels + 1), self.pixels.dtype)
        return replace(self, pixels=pixels, order="rgba" if self.colour_channels == 3 else "graya")

    def fits(self, pixels: Pixels) -> bool:
        """Whether pixels have this picture's size, channels and depth."""
        return pixels.shape == self.pixels.shape and pixels.dtype == DTYPES[self.depth]
