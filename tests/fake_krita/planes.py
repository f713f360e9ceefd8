"""Pixels of the stand-in for Krita: a plane without end per layer, and how layers are laid over each other."""

from __future__ import annotations

import numpy as np

CHANNELS = {"RGBA": 4, "GRAYA": 2}
DTYPES = {"U8": np.dtype("u1"), "U16": np.dtype("<u2"), "F32": np.dtype("<f4")}


class Space:
    """A colour space that the stand-in knows: RGBA or GRAYA in U8, U16 or F32; the profile counts as linear or sRGB's."""

    def __init__(self, model, depth, profile):
        if model not in CHANNELS or depth not in DTYPES:
            raise NotImplementedError(f"the stand-in knows no {model} {depth}")
        linear = "g10" in profile or (not profile and depth != "U8")
        self.model, self.depth = model, depth
        kind = "sRGB-elle-V2" if model == "RGBA" else "Gray-D50-elle-V2"
        self.profile = profile or f"{kind}-{'g10' if linear else 'srgbtrc'}.icc"
        self.linear, self.channels, self.dtype = linear, CHANNELS[model], DTYPES[depth]

    def __eq__(self, other):
        return (self.model, self.depth, self.profile) == (other.model, other.depth, other.profile)

    def to_floats(self, raw):
        """Straight red, green, blue (or grey) and alpha in this space's own curve, 0 to 1."""
        top = 1.0 if self.depth == "F32" else float(np.iinfo(self.dtype).max)
        values = raw.astype("f8") / top
        # integer depths lie in memory as blue, green, red
        return values[..., [2, 1, 0, 3]] if self.model == "RGBA" and self.depth != "F32" else values

    def to_raw(self, values):
        if self.depth == "F32":
            return values.astype(self.dtype)
        if self.model == "RGBA":
            values = values[..., [2, 1, 0, 3]]
        top = np.iinfo(self.dtype).max
        return np.floor(np.clip(values, 0, 1) * top + 0.5).astype(self.dtype)

    def converted_to(self, other, raw):
        """The same pixels in another space (sRGB's curve as in IEC 61966-2-1, grey by BT.709's weights)."""
        if self == other:
            return raw
        values = self.to_floats(raw)
        colour, alpha = values[..., :-1], values[..., -1:]
        if self.linear != other.linear:
            colour = _encoded(colour) if self.linear else _linear(colour)
        if self.model == "GRAYA" and other.model == "RGBA":
            colour = np.repeat(colour, 3, axis=-1)
        elif self.model == "RGBA" and other.model == "GRAYA":
            colour = (colour @ [0.2126, 0.7152, 0.0722])[..., np.newaxis]
        return other.to_raw(np.concatenate([colour, alpha], axis=-1))


def _encoded(light):
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def _linear(code):
    return np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4)


class Plane:
    """Pixels at x, y of a plane without end; where nothing was written they are `default`, 0 unless told."""

    def __init__(self, channels, dtype, default=0):
        self.channels, self.dtype, self.default = channels, np.dtype(dtype), default
        self.left = self.top = 0
        self.pixels = np.full((0, 0, channels), default, dtype)

    def read(self, x, y, width, height):
        found = np.full((max(height, 0), max(width, 0), self.channels), self.default, self.dtype)
        own_height, own_width = self.pixels.shape[:2]
        left, top = max(x, self.left), max(y, self.top)
        right, bottom = min(x + width, self.left + own_width), min(y + height, self.top + own_height)
        if right > left and bottom > top:
            found[top - y : bottom - y, left - x : right - x] = self.pixels[
                top - self.top : bottom - self.top, left - self.left : right - self.left
            ]
        return found

    def write(self, x, y, pixels):
        height, width = pixels.shape[:2]
        own_height, own_width = self.pixels.shape[:2]
        if own_height == 0 or own_width == 0:
            self.left, self.top, self.pixels = x, y, pixels.copy()
            return
        left, top = min(x, self.left), min(y, self.top)
        right, bottom = max(x + width, self.left + own_width), max(y + height, self.top + own_height)
        grown = self.read(left, top, right - left, bottom - top)
        grown[y - top : y - top + height, x - left : x - left + width] = pixels
        self.left, self.top, self.pixels = left, top, grown

    def reach(self):
        """The smallest rectangle with every pixel that is not 0: x, y, width, height; None where there is none."""
        rows, columns = np.nonzero(self.pixels[..., -1])
        if rows.size == 0:
            return None
        x, y = int(columns.min()), int(rows.min())
        return self.left + x, self.top + y, int(columns.max()) - x + 1, int(rows.max()) - y + 1


def over(space, beneath, above):
    """`above` laid over `beneath`, both raw in that space (Porter and Duff 1984); what is clear above changes no bit."""
    low, high = space.to_floats(beneath), space.to_floats(above)
    cover, remains = high[..., -1:], low[..., -1:] * (1 - high[..., -1:])
    alpha = cover + remains
    share = np.divide(cover, alpha, out=np.zeros_like(cover), where=alpha > 0)
    colour = low[..., :-1] + (high[..., :-1] - low[..., :-1]) * share
    mixed = space.to_raw(np.concatenate([colour, alpha], axis=-1))
    return np.where(above[..., -1:] == 0, beneath, np.where(cover == 1, above, mixed))
