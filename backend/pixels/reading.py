"""Picture files in: what they hold, checked from the header before a pixel is decoded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

import numpy as np
import pyvips

from protocol import MAX_PIXELS, MAX_SIDE, Order

from .colour import ICC_FIELD, as_pixels, is_srgb, profile_space
from .errors import PictureError
from .formats import SIGNATURE_BYTES, TITLES, Format, format_of_content
from .layers import luma
from .picture import THUMBNAIL_FIELD, MetadataField, PictureFile
from .png_chunks import Chunk, read_kept
from .raw import Pixels, quantise, to_floats

LOADERS: Final[Mapping[Format, str]] = MappingProxyType(
    {"png": "pngload_source", "jpeg": "jpegload_source", "webp": "webpload_source", "tiff": "tiffload_source"}
)
"""The only decoders that are ever called: libvips has more, some of which read other files or run programs."""

STRICTNESS: Final = "error"
"""A picture that is cut off or damaged is refused: half a picture, painted on and saved, would replace a whole one."""

_ORDERS: Final[Mapping[int, Order]] = MappingProxyType({1: "gray", 2: "graya", 3: "rgb", 4: "rgba"})
_INTERPRETATIONS: Final = frozenset({"srgb", "rgb", "rgb16", "b-w", "grey16"})
_METADATA: Final = frozenset({ICC_FIELD, "exif-data", "xmp-data", "iptc-data", "image-description", "resolution-unit"})
_DAMAGED: Final = "Open it in the program it came from, save it again and try once more."


def open_picture(path: str | Path) -> PictureFile:
    """Read a PNG, JPEG, WebP or TIFF file; what it is, its content says, not its suffix.

    Of several pages or frames the first is read, with a remark. Raises PictureError for what is none of these formats,
    is broken or cut off, is larger than `MAX_PIXELS` or `MAX_SIDE`, or is neither grey nor RGB in 8 or 16 bit.
    """
    path = Path(path)
    with _opened(path) as file:
        format_ = format_of_content(file.read(SIGNATURE_BYTES))
        if format_ is None:
            raise PictureError(
                f"{path.name} is not a PNG, JPEG, WebP or TIFF picture.", "Save it as one of these, best as PNG."
            )
        chunks = read_kept(file) if format_ == "png" else ()
    try:
        # kept until the pixels are read: its memory goes with it
        source = _source(path)
        image = pyvips.Operation.call(LOADERS[format_], source, fail_on=STRICTNESS, access="sequential")
        _check_size(path, image.width, image.height)
        order = _order(path, image)
        pixels = as_pixels(image)
    except pyvips.Error as error:
        raise PictureError(
            f"{path.name} is broken or cut off, or is a kind of {TITLES[format_]} that cannot be read "
            f"({_first_line(error)}).",
            _DAMAGED,
        ) from error
    return _picture(path, format_, image, pixels, order, chunks)


def open_mask(path: str | Path) -> Pixels:
    """Read a mask [height, width] in its file's own depth, 8 or 16 bit: white replaces, black keeps.

    Where its alpha varies, that is the mask, as when a selection was saved by itself. Otherwise it is the brightness, taken as it
    stands, without a colour profile. Raises PictureError as `open_picture` does.
    """
    picture = open_picture(path)
    if picture.has_alpha:
        alpha = picture.pixels[..., -1]
        if alpha.min() != alpha.max():
            return alpha
    if picture.colour_channels == 1:
        return picture.pixels[..., 0]
    grey = luma(to_floats(picture.pixels[..., :3]))
    return quantise(grey, "u16" if picture.depth == "u16" else "u8")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file, and say kindly when that does not go."""
    try:
        if path.is_dir():
            raise PictureError(f"{path} is a folder.", "Name a picture in it.")
        if path.exists() and not path.is_file():
            raise PictureError(f"{path} is not a file.", "Save the picture as a file and name that.")
        with path.open("rb") as file:
            yield file
    except FileNotFoundError as error:
        raise PictureError(f"There is no file {path}.", "Check the name and the folder.") from error
    except OSError as error:
        raise PictureError(f"{path} could not be read: {error.strerror}.", "Check that you may read it.") from error


def _source(path: Path) -> pyvips.Source:
    """Open a file for libvips, which remembers loads by name and would show the file as it was at the first one."""
    try:
        return pyvips.Source.new_from_file(str(path))
    except UnicodeEncodeError:
        # it takes names in UTF-8 only; on Linux a name is any bytes
        with _opened(path) as file:
            return pyvips.Source.new_from_memory(file.read())


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise PictureError(
            f"{path.name} is {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} million pixels and "
            f"{MAX_SIDE} on a side can be worked on.",
            "Cut out the part to paint on, or scale it down.",
        )


def _order(path: Path, image: pyvips.Image) -> Order:
    if image.interpretation == "cmyk":
        raise PictureError(f"{path.name} is in CMYK, the colours of printing.", "Convert it to RGB and try again.")
    if image.format not in ("uchar", "ushort"):
        raise PictureError(
            f"{path.name} has floating point or signed pixels.", "Convert it to 16 bit whole numbers and try again."
        )
    if image.interpretation not in _INTERPRETATIONS or image.bands not in _ORDERS:
        raise PictureError(
            f"{path.name} is neither grey nor RGB, with or without alpha ({image.bands} channels, {image.interpretation}).",
            "Convert it to RGB and try again.",
        )
    return _ORDERS[image.bands]


def _picture(
    path: Path, format_: Format, image: pyvips.Image, pixels: Pixels, order: Order, chunks: tuple[Chunk, ...]
) -> PictureFile:
    remarks = []
    if image.get_typeof("n-pages") and image.get("n-pages") > 1:
        remarks.append(f"{path.name} has {image.get('n-pages')} pages or frames; only the first is used and written.")
    profile = bytes(image.get(ICC_FIELD)) if image.get_typeof(ICC_FIELD) else None
    foreign = False
    if profile is not None:
        if _usable(profile, order):
            foreign = not is_srgb(profile)
        else:
            remarks.append(f"The colour profile of {path.name} cannot be used; its colours are taken as sRGB.")
    turn = image.get("orientation") if image.get_typeof("orientation") else 1
    if turn != 1 or image.get_typeof(THUMBNAIL_FIELD):
        # libvips writes EXIF anew, without the turn, which would be made a second time, and without the old look.
        chunks = tuple(chunk for chunk in chunks if chunk.name != b"eXIf")
    upright = np.ascontiguousarray(_upright(pixels, turn))
    upright.flags.writeable = False
    return PictureFile(
        path,
        format_,
        upright,
        order,
        profile,
        foreign,
        tuple(remarks),
        _metadata(image),
        (image.xres, image.yres),
        chunks,
    )


def _usable(profile: bytes, order: Order) -> bool:
    space = profile_space(profile)
    return space == "rgb" or (space == "gray" and order in ("gray", "graya"))


def _metadata(image: pyvips.Image) -> tuple[MetadataField, ...]:
    """Return what is to be written again, and that the picture is upright now."""
    kept = [
        MetadataField(name, image.get_typeof(name), image.get(name)) for name in image.get_fields() if name in _METADATA
    ]
    # It comes last: libvips takes the turn from EXIF whenever EXIF is set.
    return (*kept, MetadataField("orientation", pyvips.GValue.gint_type, 1))


def _upright(pixels: Pixels, turn: int) -> Pixels:
    """Return the pixels turned and mirrored as EXIF's orientation tag asks (CIPA DC-008, 4.6.5)."""
    match turn:
        case 2:
            return pixels[:, ::-1]
        case 3:
            return pixels[::-1, ::-1]
        case 4:
            return pixels[::-1]
        case 5:
            return pixels.swapaxes(0, 1)
        case 6:
            return pixels.swapaxes(0, 1)[:, ::-1]
        case 7:
            return pixels.swapaxes(0, 1)[::-1, ::-1]
        case 8:
            return pixels.swapaxes(0, 1)[::-1]
    return pixels


def _first_line(error: pyvips.Error) -> str:
    """Return what libvips said, without pyvips' frame around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
