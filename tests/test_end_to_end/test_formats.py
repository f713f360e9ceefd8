"""Picture files in and out of `scumble fill`, with what they carry."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

FEW = ("-p", "a red apple", "--seed", "1", "--steps", "3")

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def carried() -> dict[str, object]:
    exif = Image.Exif()
    exif[0x013B] = "Ana"
    return {"icc_profile": PROFILE, "exif": exif.tobytes(), "dpi": (300, 300)}


@pytest.fixture
def source(tmp_path, pictures):
    """Save a landscape with all that a picture carries, in some format, beside its mask."""
    pictures.write(tmp_path / "mask.png", pictures.spot(120, 90))

    def source(name: str, mode: str = "RGB", **options):
        path = tmp_path / name
        Image.fromarray(pictures.landscape(120, 90)).convert(mode).save(path, **carried(), **options)
        return path

    return source


def outside(pictures, path):
    return pictures.read(path)[pictures.spot(120, 90) == 0]


def inside(pictures, path):
    return pictures.read(path)[pictures.spot(120, 90) > 0]


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.webp", {"lossless": True}), ("a.tif", {}), ("a.jpg", {"quality": 90})],
    ids=("png", "webp", "tiff", "jpeg"),
)
def test_a_file_of_any_format_is_painted_and_keeps_what_it_carries(shared, source, pictures, tmp_path, name, options):
    before, after = source(name, **options), tmp_path / f"out-{name}"
    command = shared.run("fill", before, "-m", tmp_path / "mask.png", "-o", after, *FEW)
    with Image.open(before) as one, Image.open(after) as other:
        assert (other.format, other.size, other.mode) == (one.format, one.size, one.mode)
        assert other.info["icc_profile"] == PROFILE
        assert [round(number) for number in other.info.get("dpi", (300, 300))] == [300, 300]
        if name != "a.tif":
            assert other.getexif()[0x013B] == "Ana"
    assert not np.array_equal(inside(pictures, before), inside(pictures, after))
    if name == "a.jpg":
        assert "JPEG re-encodes the whole picture" in command.stderr
        drift = outside(pictures, after).astype(int) - outside(pictures, before)
        assert np.abs(drift).mean() < 1.5
    else:
        assert np.array_equal(outside(pictures, before), outside(pictures, after))
        assert "JPEG" not in command.stderr


def test_grey_stays_grey(shared, source, pictures, tmp_path):
    before = source("grey.png", "L")
    shared.run("fill", before, "-m", tmp_path / "mask.png", "-o", tmp_path / "out.png", *FEW)
    with Image.open(tmp_path / "out.png") as made:
        assert made.mode == "L"
    assert np.array_equal(outside(pictures, before), outside(pictures, tmp_path / "out.png"))
    assert not np.array_equal(inside(pictures, before), inside(pictures, tmp_path / "out.png"))


def test_png_texts_are_kept(shared, source, tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "Meadow")
    before = source("a.png", pnginfo=texts)
    shared.run("fill", before, "-m", tmp_path / "mask.png", "-o", tmp_path / "out.png", *FEW)
    with Image.open(tmp_path / "out.png") as made:
        made.load()
        assert made.info["Title"] == "Meadow"


def test_a_mask_with_alpha_alone_is_a_mask(shared, source, pictures, tmp_path):
    """A selection saved as a layer: all of one colour, its alpha says where."""
    spot = pictures.spot(120, 90)
    layer = np.zeros((90, 120, 4), np.uint8)
    layer[..., 3] = spot
    pictures.write(tmp_path / "layer.png", layer)
    before = source("a.png")
    shared.run("fill", before, "-m", tmp_path / "layer.png", "-o", tmp_path / "by-layer.png", *FEW)
    shared.run("fill", before, "-m", tmp_path / "mask.png", "-o", tmp_path / "by-mask.png", *FEW)
    assert (tmp_path / "by-layer.png").read_bytes() == (tmp_path / "by-mask.png").read_bytes()


def test_jpeg_of_a_transparent_picture_is_refused_before_anything_is_painted(home, pictures, tmp_path):
    pixels = np.zeros((40, 40, 4), np.uint8)
    pictures.write(tmp_path / "in.png", pixels)
    command = home.run("fill", tmp_path / "in.png", "-o", tmp_path / "out.jpg", *FEW, code=2)
    assert "JPEG has no transparency" in command.stderr
    assert not home.home.exists()


def test_a_library_that_grumbles_is_not_heard(shared, pictures, tmp_path):
    """A profile that no PNG may have: libvips warns of it, in words that are no painter's."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    source = tmp_path / "in.png"
    Image.fromarray(pictures.landscape(120, 90)).save(source, icc_profile=lab)
    pictures.write(tmp_path / "mask.png", pictures.spot(120, 90))
    command = shared.run("fill", source, "-m", tmp_path / "mask.png", "-o", tmp_path / "out.png", *FEW)
    assert "VIPS" not in command.stderr
    assert np.array_equal(outside(pictures, source), outside(pictures, tmp_path / "out.png"))
