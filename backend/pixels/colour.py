"""Colour profiles: from sRGB, in which models paint, into a picture's own colours and back.

Conversions are those of lcms, through libvips: relative colorimetric, without black point compensation. They are right
to about one level of 8 bits, a few where a channel is nearly black.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import pyvips

from .layers import luma
from .raw import DTYPES, Pixels, quantise, to_floats

ICC_FIELD: Final = "icc-profile-data"
"""libvips' name for an embedded profile."""

SRGB_TOLERANCE: Final = 2
"""Levels of 8 bits by which a profile may differ from sRGB and still count as it: makers' versions of sRGB differ by one,
rounding adds one, and nobody sees either."""

_INTENT: Final = "relative"
_PCS: Final = "xyz"
"""Where both halves of a conversion meet, in floats. Profile to profile in one go, lcms looks up a coarse table instead: with
a steep curve, as of a linear profile, the darkest greys were ten levels off."""

_PROBE_STEPS: Final = 8
_HEADER_BYTES: Final = 128


def profile_space(profile: bytes) -> Literal["rgb", "gray"] | None:
    """Return what kind of pixels a profile is for; None for a broken one and for other kinds (ICC.1:2022, 7.2)."""
    if len(profile) <= _HEADER_BYTES or profile[36:40] != b"acsp":
        return None
    match profile[16:20]:
        case b"RGB ":
            return "rgb"
        case b"GRAY":
            return "gray"
    return None


def is_srgb(profile: bytes) -> bool:
    """Whether pixels with this profile look as they would without one, to within `SRGB_TOLERANCE`.

    True also for a profile that cannot be used.
    """
    space = profile_space(profile)
    if space is None:
        return True
    steps = np.linspace(0, 255, _PROBE_STEPS).round().astype(np.uint8)
    probe = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(_PROBE_STEPS, -1, 3)
    if space == "gray":
        probe = np.arange(256, dtype=np.uint8).reshape(1, -1, 1)
    try:
        seen = to_srgb(probe, profile)
    except pyvips.Error:
        return True
    return int(np.abs(seen.astype(np.int16) - probe).max()) <= SRGB_TOLERANCE


def to_srgb(pixels: Pixels, profile: bytes) -> Pixels:
    """Return 8 or 16 bit pixels [height, width, 1 or 3] of that profile as sRGB [height, width, 3] of the same depth.

    Grey pixels with an RGB profile are taken as equal red, green and blue. Raises ValueError for RGB pixels with a grey
    profile.
    """
    image = as_image(_fitting(pixels, profile))
    image.set_type(pyvips.GValue.blob_type, ICC_FIELD, profile)
    colours = image.icc_import(embedded=True, intent=_INTENT, pcs=_PCS)
    return _in_depth_of(
        pixels, as_pixels(colours.icc_export(output_profile="srgb", intent=_INTENT, pcs=_PCS, depth=16))
    )


def from_srgb(rgb: Pixels, profile: bytes, channels: Literal[1, 3]) -> Pixels:
    """Return 8 or 16 bit sRGB pixels [height, width, 3] in that profile's colours, same depth, [height, width, channels].

    Colours that the profile cannot show are clipped. Raises ValueError for three channels and a grey profile.
    """
    grey_profile = profile_space(profile) == "gray"
    if grey_profile and channels == 3:
        raise ValueError("a grey profile has no RGB colours")
    colours = as_image(rgb).icc_import(input_profile="srgb", intent=_INTENT, pcs=_PCS).copy()
    colours.set_type(pyvips.GValue.blob_type, ICC_FIELD, profile)
    converted = _in_depth_of(rgb, as_pixels(colours.icc_export(intent=_INTENT, pcs=_PCS, depth=16)))
    if channels == 1 and not grey_profile:
        return _in_depth_of(rgb, luma(to_floats(converted))[..., np.newaxis])
    return converted


def _in_depth_of(like: Pixels, pixels: Pixels) -> Pixels:
    return quantise(pixels, "u8" if like.dtype == DTYPES["u8"] else "u16")


def as_image(pixels: Pixels) -> pyvips.Image:
    """Return 8 or 16 bit pixels [height, width, 1 to 4] as a libvips image. Raises ValueError for other types."""
    deep = pixels.dtype == DTYPES["u16"]
    if not deep and pixels.dtype != DTYPES["u8"]:
        raise ValueError(f"pixels have 8 or 16 bit, not {pixels.dtype}")
    height, width, channels = pixels.shape
    lines = np.ascontiguousarray(pixels)
    image = pyvips.Image.new_from_memory(lines.data, width, height, channels, "ushort" if deep else "uchar")
    if channels < 3:
        return image.copy(interpretation="grey16" if deep else "b-w")
    return image.copy(interpretation="rgb16" if deep else "srgb")


def as_pixels(image: pyvips.Image) -> Pixels:
    """Return a libvips image as pixels [height, width, channels]. Here it is decoded; raises pyvips.Error."""
    pixels: Pixels = np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)
    return pixels


def _fitting(pixels: Pixels, profile: bytes) -> Pixels:
    """Return the pixels with as many channels as the profile is for."""
    grey_profile = profile_space(profile) == "gray"
    if grey_profile and pixels.shape[2] == 3:
        raise ValueError("RGB pixels cannot have a grey profile")
    if not grey_profile and pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    return pixels
