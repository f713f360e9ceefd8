"""Picture files out: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyvips

from .colour import as_image
from .errors import PictureError
from .formats import DEEP, TITLES, WEBP_SIDE, Format, format_of_suffix
from .picture import THUMBNAIL_FIELD, PictureFile
from .png_chunks import KEPT, TEXTS, international_text, with_chunks
from .raw import Pixels, quantise
from .xmp import recipe_packet

JPEG_QUALITY: Final = 95
"""With full colour resolution: a copy that differs from its original by a level or two."""

JPEG_REMARK: Final = (
    "JPEG re-encodes the whole picture: pixels that were not painted change a little too. PNG keeps them."
)


def check_target(picture: PictureFile, path: str | Path) -> list[str]:
    """Return remarks on writing this picture under that name, so that they can be told before the work is done.

    Raises PictureError when it cannot be written there, as `save_with` would.
    """
    path = Path(path)
    format_ = check_folder(path)
    if format_ == "webp" and picture.extent.longest > WEBP_SIDE:
        raise PictureError(
            f"WebP holds at most {WEBP_SIDE} pixels on a side; this picture is {picture.extent}.", "Write it as PNG."
        )
    return _remarks(picture.pixels, format_) + _left_behind(picture, format_)


def check_folder(path: Path) -> Format:
    """Return the format of a picture to be written there. Raises PictureError when its name or folder does not do."""
    format_ = format_of_suffix(path)
    if not path.parent.is_dir():
        raise PictureError(f"There is no folder {path.parent}.", "Make it, or write to another one.")
    if path.is_dir():
        raise PictureError(f"{path} is a folder.", "Name a file.")
    return format_


def save_with(picture: PictureFile, pixels: Pixels, path: str | Path) -> list[str]:
    """Write new pixels of the picture's own size, channels and depth with its colour profile and metadata.

    The suffix says the format: PNG, TIFF and WebP without loss, JPEG at high quality. ICC profile, XMP and resolution are
    kept in all of them; EXIF in all but TIFF; a PNG's texts and colour chunks from PNG to PNG. Of a TIFF's own tags the
    description is kept, not its EXIF, which libvips does not read.
    An output that stands there is replaced in one step when the new one is whole, never before.

    Returns remarks for the painter. Raises PictureError when it cannot be written, ValueError when the pixels do not fit.
    """
    if not picture.fits(pixels):
        raise ValueError(f"pixels of {pixels.shape} {pixels.dtype} do not fit a picture of {picture.pixels.shape}")
    path = Path(path)
    check_target(picture, path)
    format_ = format_of_suffix(path)
    remarks = _remarks(pixels, format_) + _left_behind(picture, format_)
    image = as_image(_for_format(pixels, format_)).copy(xres=picture.resolution[0], yres=picture.resolution[1])
    for item in picture.metadata:
        image.set_type(item.gtype, item.name, item.value)
    if image.get_typeof(THUMBNAIL_FIELD):
        image.remove(THUMBNAIL_FIELD)
    content = _encode(image, format_, path)
    if format_ == "png":
        content = _with_own_chunks(content, picture)
    write_whole(path, content)
    return remarks


def save_new(pixels: Pixels, path: str | Path, text: Mapping[str, str]) -> list[str]:
    """Write a new sRGB picture [height, width, 3 or 4], 8 or 16 bit or floats from 0 to 1 (written in 8), with its recipe.

    PNG holds each text under its own name, and all formats hold them together as an XMP description. Whole or not at all, as
    `save_with`. Returns remarks for the painter. Raises PictureError when it cannot be written.
    """
    path = Path(path)
    format_ = format_of_suffix(path)
    whole = quantise(pixels, "u8") if pixels.dtype.kind == "f" else pixels
    remarks = _remarks(whole, format_)
    image = as_image(_for_format(whole, format_))
    if text and format_ != "png":
        image.set_type(pyvips.GValue.blob_type, "xmp-data", recipe_packet(text))
    content = _encode(image, format_, path)
    if format_ == "png":
        content = with_chunks(content, KEPT, international_text(text))
    write_whole(path, content)
    return remarks


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that at any moment there is the old one or the new one. Raises PictureError."""
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, draft)
            draft.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
    except OSError as error:
        raise PictureError(
            f"{path} could not be written: {error.strerror}. What was there before is untouched.",
            "Make room or check that you may write there, or write to another folder.",
        ) from error


def _remarks(pixels: Pixels, format_: Format) -> list[str]:
    """Return what the format does to these pixels. Raises PictureError when it would lose what cannot be lost."""
    remarks = []
    if format_ == "jpeg":
        if not _opaque(pixels):
            raise PictureError(
                "JPEG has no transparency, and this picture is transparent.", "Write it as .png, .webp or .tif."
            )
        remarks.append(JPEG_REMARK)
    if pixels.dtype.itemsize == 2 and format_ not in DEEP:
        remarks.append(
            f"{TITLES[format_]} has 8 bits a channel: the picture's 16 bits are rounded. PNG and TIFF keep them."
        )
    return remarks


def _left_behind(picture: PictureFile, format_: Format) -> list[str]:
    """Return remarks on metadata that has no place in the format."""
    remarks = []
    if format_ == "tiff" and any(item.name == "exif-data" for item in picture.metadata):
        remarks.append("The picture's EXIF data is not written to TIFF. PNG, JPEG and WebP keep it.")
    if format_ != "png" and any(chunk.name in TEXTS and not chunk.is_xmp for chunk in picture.png_chunks):
        remarks.append(f"The texts in {picture.path.name} have no place in {TITLES[format_]}. PNG keeps them.")
    return remarks


def _opaque(pixels: Pixels) -> bool:
    return pixels.shape[2] in (1, 3) or int(pixels[..., -1].min()) == (1 << 8 * pixels.dtype.itemsize) - 1


def _for_format(pixels: Pixels, format_: Format) -> Pixels:
    """Return the pixels in a depth and with channels that the format holds."""
    if format_ not in DEEP:
        pixels = quantise(pixels, "u8")
    return pixels[..., : pixels.shape[2] - 1] if format_ == "jpeg" and pixels.shape[2] in (2, 4) else pixels


def _encode(image: pyvips.Image, format_: Format, path: Path) -> bytes:
    try:
        match format_:
            case "png":
                content = image.pngsave_buffer(keep="all")
            case "tiff":
                content = image.tiffsave_buffer(compression="deflate", predictor="horizontal", keep="all")
            case "webp":
                content = image.webpsave_buffer(lossless=True, exact=True, keep="all")
            case "jpeg":
                content = image.jpegsave_buffer(Q=JPEG_QUALITY, subsample_mode="off", optimize_coding=True, keep="all")
    except pyvips.Error as error:
        raise PictureError(
            f"{path.name} could not be written as {TITLES[format_]} ({str(error).strip().splitlines()[-1].strip()}).",
            "Write it as PNG.",
        ) from error
    return bytes(content)


def _with_own_chunks(png: bytes, picture: PictureFile) -> bytes:
    """Return the PNG with the chunks of the file it was made from, in place of what libvips made of them."""
    if picture.format != "png":
        had_exif = any(item.name == "exif-data" for item in picture.metadata)
        return with_chunks(png, frozenset() if had_exif else frozenset({b"eXIf"}), ())
    own = picture.png_chunks
    had_exif = any(item.name == "exif-data" for item in picture.metadata)
    keep_exif = had_exif and not any(chunk.name == b"eXIf" for chunk in own)
    return with_chunks(png, KEPT - {b"eXIf"} if keep_exif else KEPT, own)
