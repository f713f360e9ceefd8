"""From the job's pixels to what the model sees, and from what it painted to the layer that goes back.

The way there: crop, flatten, prefill, resize. The way back: colour match, resize, cut, alpha.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backend import fill
from backend.pixels import layers, raw
from backend.plan import MaskPlan, Plan
from protocol import Bounds, ContentError, Raster

from .failures import bad_mask, empty_mask

Floats = npt.NDArray[np.float32]
"""Between 0 and 1: [h, w] a mask, [h, w, 3] a picture, [h, w, 4] one with straight alpha."""


@dataclass(frozen=True)
class Masks:
    """The painter's mask, worked out.

    `selected` is the painter's own and `denoise` says how much may change, both at the model's size. `alpha` is the layer's,
    at the size of the plan's result.
    """

    selected: Floats
    denoise: Floats
    alpha: Floats


@dataclass(frozen=True)
class Canvas:
    """What there is already: `rgb` at the model's size, prefilled where the plan says so."""

    rgb: Floats
    masks: Masks | None


def prepare(plan: Plan, contents: Mapping[str, bytes]) -> Canvas | None:
    """Return what the model is to start from; None for a picture from nothing.

    Raises CannotPaint for a mask that is empty or reaches outside its declared selection, ContentError for pixels that
    are not what their raster says.
    """
    if plan.image is None:
        return None
    mask = None if plan.mask is None else _read_mask(plan.mask, plan.crop, contents)
    rgb = fill.flatten(_read_image(plan.image, plan.crop, contents))
    if plan.prefill == "blur" and mask is not None:
        rgb = fill.blur_fill(rgb, mask)
    masks = None if plan.mask is None or mask is None else _work_out(plan, plan.mask, mask)
    return Canvas(fill.resize(rgb, plan.size), masks)


def read_references(plan: Plan, contents: Mapping[str, bytes]) -> list[Floats]:
    """Return the pictures that the model is to work from, `[h, w, 3]` each; the crop itself first where it is one.

    Raises ContentError for pixels that are not what their raster says.
    """
    rasters = [(raster, Bounds.of(raster.extent)) for raster in plan.references]
    if plan.edits and plan.image is not None:
        rasters.insert(0, (plan.image, plan.crop))
    pictures = [fill.flatten(_read_image(raster, part, contents)) for raster, part in rasters]
    # the part that is worked on is shown at the size at which it is painted, so that both lie one over the other
    return [fill.resize(rgb, plan.size) if plan.edits and at == 0 else rgb for at, rgb in enumerate(pictures)]


def _read_image(image: Raster, crop: Bounds, contents: Mapping[str, bytes]) -> Floats:
    """Return the image in the crop, [h, w, 4]."""
    pixels = _cut(raw.unpack(image, contents[image.content]), crop)
    try:
        return raw.to_rgba(pixels, image.order)
    except ValueError as error:
        raise ContentError(str(error)) from error


def _read_mask(plan: MaskPlan, crop: Bounds, contents: Mapping[str, bytes]) -> Floats:
    """Return the mask in the crop, after a look at all of it."""
    whole = raw.unpack(plan.raster, contents[plan.raster.content])
    if np.count_nonzero(whole) != np.count_nonzero(_cut(whole, plan.selection)):
        raise bad_mask()
    try:
        mask = raw.to_mask(_cut(whole, crop))
    except ValueError as error:
        raise ContentError(str(error)) from error
    if not mask.any():
        raise empty_mask()
    return mask


def _work_out(plan: Plan, reach: MaskPlan, mask: Floats) -> Masks:
    denoise = fill.resize(fill.denoise_mask(mask, reach.grow, reach.feather), plan.size)
    alpha = fill.composite_alpha(mask, reach.edge)
    return Masks(fill.resize(mask, plan.size), denoise, _cut(alpha, plan.result.relative_to(plan.crop)))


def finish(plan: Plan, canvas: Canvas | None, painted: Floats) -> tuple[Raster, bytes]:
    """Return the layer for the plan's result from what the model painted, [h, w, 3] at the model's size."""
    masks = None if canvas is None else canvas.masks
    if canvas is not None and masks is not None:
        painted = fill.match_colour(painted, canvas.rgb, masks.selected)
    result = _cut(fill.resize(painted, plan.crop.extent), plan.result.relative_to(plan.crop))
    layer = np.empty((plan.result.height, plan.result.width, 4), np.float32)
    layer[..., :3] = result
    layer[..., 3] = 1 if masks is None else masks.alpha
    return raw.pack(layer, plan.depth, plan.order, plan.encoding)


def finish_layers(plan: Plan, canvas: Canvas | None, made: Sequence[Floats]) -> list[tuple[Raster, bytes]]:
    """Return the plan's result and then its layers, the lowest first, from what the model made of it, [h, w, 4] each at its size.

    The result is how the layers look one over the other. Colours stay as they were made: only all layers together bear on
    the surroundings. None is more opaque than the mask.
    """
    whole = [raw.quantise(_layer(plan, canvas, layer), plan.depth) for layer in made]
    seen = whole[0]
    for layer in whole[1:]:
        seen = layers.composite(seen, layer, Bounds.of(plan.result.extent))
    return [raw.pack(pixels, plan.depth, plan.order, plan.encoding) for pixels in (seen, *whole)]


def _layer(plan: Plan, canvas: Canvas | None, made: Floats) -> Floats:
    resized = fill.resize_layer(made, plan.crop.extent)
    layer: Floats = _cut(resized, plan.result.relative_to(plan.crop)).copy()
    if canvas is not None and canvas.masks is not None:
        layer[..., 3] *= canvas.masks.alpha
    return layer


def _cut(pixels: raw.Pixels, bounds: Bounds) -> raw.Pixels:
    return pixels[bounds.y : bounds.bottom, bounds.x : bounds.right]
