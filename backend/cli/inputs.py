"""What a job is made from: a picture and a mask, out of files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.cli.problem import bad_input, unusable
from backend.pixels import files, layers, raw
from protocol import MAX_REFERENCES, Bounds, Job


@dataclass(frozen=True)
class Selection:
    """A mask of the picture's size, [height, width] in 8 or 16 bit, and the bounds outside of which it is zero."""

    mask: raw.Pixels
    bounds: Bounds


def open_canvas(path: Path) -> files.PictureFile:
    """Open the picture to paint on. Raises Problem."""
    try:
        return files.open_picture(path)
    except files.PictureError as error:
        raise unusable(error.failure) from error


def open_selection(path: Path, canvas: files.PictureFile) -> Selection:
    """Open a mask for that picture. Raises Problem when it has another size, or selects nothing."""
    try:
        mask = files.open_mask(path)
    except files.PictureError as error:
        raise unusable(error.failure) from error
    height, width = mask.shape[:2]
    if (width, height) != (canvas.extent.width, canvas.extent.height):
        raise bad_input(
            "bad_mask",
            f"The mask {path} is {width} x {height} pixels, the picture {canvas.extent}.",
            "Save the mask at the picture's own size.",
        )
    bounds = layers.mask_bounds(mask)
    if bounds is None:
        raise bad_input(
            "empty_mask",
            f"The mask {path} is black everywhere, so nothing would be painted.",
            "Paint white where something new belongs.",
        )
    return Selection(mask, bounds)


def attach(
    job: Job, canvas: files.PictureFile, selection: Selection | None, crop: Bounds, strength: float
) -> tuple[Job, Mapping[str, bytes]]:
    """Return the job with the crop of picture and mask, and their bytes by content hash."""
    pixels = canvas.srgb(crop)
    image, image_bytes = raw.to_raster(pixels, "rgba" if canvas.has_alpha else "rgb")
    attachments = {image.content: image_bytes}
    if selection is None:
        return dataclasses.replace(job, image=image, strength=strength), attachments
    mask, mask_bytes = raw.to_raster(selection.mask[crop.y : crop.bottom, crop.x : crop.right], "gray")
    attachments[mask.content] = mask_bytes
    inside = selection.bounds.relative_to(crop)
    return dataclasses.replace(job, image=image, mask=mask, selection=inside, strength=strength), attachments


def show(job: Job, paths: Sequence[Path]) -> tuple[Job, Mapping[str, bytes]]:
    """Return the job with whole pictures as its references, and their bytes by content hash. Raises Problem."""
    references, attachments = [], {}
    for path in paths:
        picture = open_canvas(path)
        raster, content = raw.to_raster(picture.srgb(Bounds.of(picture.extent)), "rgba" if picture.has_alpha else "rgb")
        references.append(raster)
        attachments[raster.content] = content
    if len(references) > MAX_REFERENCES:
        raise bad_input(
            "many_references",
            f"{len(references)} reference pictures were given, and {MAX_REFERENCES} are the most.",
            "Leave some of them out.",
        )
    return dataclasses.replace(job, references=tuple(references)), attachments
