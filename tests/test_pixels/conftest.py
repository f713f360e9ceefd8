from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms


@pytest.fixture(scope="session")
def p3_profile() -> bytes:
    return bytes(pyvips.Operation.call("profile_load", "p3"))


@pytest.fixture(scope="session")
def srgb_profile() -> bytes:
    """lcms' own sRGB, not libvips'."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="session")
def linear_grey_profile() -> bytes:
    """A grey ICC v2 profile with gamma 1.0: header, white point and a curve of no points."""
    curve = struct.pack(">4s4xI", b"curv", 0)
    white = struct.pack(">4s4x3I", b"XYZ ", 0xF6D6, 0x10000, 0xD32D)
    description = b"Linear grey\0"
    text = struct.pack(">4s4xI", b"desc", len(description)) + description + bytes(78)
    tags, at = [], 128 + 4 + 12 * 3
    body = b""
    for name, data in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        data += bytes(-len(data) % 4)
        tags.append(struct.pack(">4sII", name, at + len(body), len(data)))
        body += data
    size = at + len(body)
    header = struct.pack(">I4xI4s4s4s12x4s", size, 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    header += bytes(68 - len(header)) + struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    return header + bytes(128 - len(header)) + struct.pack(">I", 3) + b"".join(tags) + body


@pytest.fixture(scope="session")
def noise() -> np.ndarray:
    """Eight-bit RGBA pixels of every kind, an odd size."""
    return np.random.default_rng(7).integers(0, 256, (37, 53, 4), dtype=np.uint8)


@pytest.fixture
def pillow_pixels():
    """What Pillow reads from a file, as [height, width, channels]."""

    def read(path) -> np.ndarray:
        with Image.open(path) as image:
            image.load()
            pixels = np.asarray(image)
        return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels

    return read


@pytest.fixture(scope="session")
def encoded():
    """Bytes of a picture as Pillow writes it."""

    def write(pixels: np.ndarray, form: str, **options) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, form, **options)
        return file.getvalue()

    return write
