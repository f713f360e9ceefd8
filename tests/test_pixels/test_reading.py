from __future__ import annotations

import io
import os
import struct
import sys
import time
import zlib
from dataclasses import replace

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from backend.pixels import files
from backend.pixels.png_chunks import SIGNATURE, Chunk
from protocol import MAX_SIDE, Bounds, Extent

KINDS = [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {"lossless": True, "exact": True})]


@pytest.mark.parametrize(("form", "options"), KINDS)
@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_files_read_as_in_pillow(tmp_path, encoded, noise, form, options, channels):
    path = tmp_path / "picture"
    path.write_bytes(encoded(noise[..., :channels], form, **options))
    picture = files.open_picture(path)
    assert np.array_equal(picture.pixels, noise[..., :channels])
    assert picture.order == ("rgb" if channels == 3 else "rgba")
    assert (picture.depth, picture.extent, picture.remarks) == ("u8", Extent(53, 37), ())
    assert not picture.has_profile


def test_jpeg_reads_as_in_pillow(tmp_path, encoded, noise, pillow_pixels):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(noise[..., :3], "JPEG", quality=90, subsampling=0))
    assert np.abs(files.open_picture(path).pixels.astype(int) - pillow_pixels(path)).max() <= 2


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_grey_stays_grey(tmp_path, encoded, noise, form, channels):
    path = tmp_path / "picture"
    path.write_bytes(encoded(noise[..., :channels], form))
    picture = files.open_picture(path)
    assert np.array_equal(picture.pixels, noise[..., :channels])
    assert picture.order == ("gray" if channels == 1 else "graya")
    assert np.array_equal(picture.srgb()[..., :3], np.repeat(noise[..., :1], 3, axis=2))
    assert picture.srgb().shape[2] == 2 + channels


@pytest.mark.parametrize("mode", ["1", "P"])
def test_few_colours_and_single_bits_become_eight(tmp_path, noise, mode):
    path = tmp_path / "picture.png"
    source = Image.fromarray(noise[..., :3])
    source = source.quantize(11) if mode == "P" else source.convert("1")
    source.save(path)
    expected = np.asarray(source.convert("RGB" if mode == "P" else "L"))
    assert np.array_equal(np.squeeze(files.open_picture(path).pixels), expected)


def test_a_palettes_transparency_is_alpha(tmp_path, noise):
    path = tmp_path / "picture.png"
    source = Image.fromarray(noise[..., :3]).quantize(11)
    source.save(path, transparency=3)
    picture = files.open_picture(path)
    assert picture.order == "rgba"
    assert np.array_equal(picture.pixels, np.asarray(Image.open(path).convert("RGBA")))


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits_are_read_as_they_stand(tmp_path, channels, interlace):
    """Against a PNG encoder of a dozen lines; libvips writes the interlaced ones."""
    path = tmp_path / "deep.png"
    pixels = np.random.default_rng(channels).integers(0, 65536, (19, 23, channels), dtype=np.uint16)
    if interlace:
        pyvips.Image.new_from_array(pixels, interpretation="grey16" if channels < 3 else "rgb16").pngsave(
            str(path), interlace=True
        )
    else:
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
        header = struct.pack(">IIBBBBB", 23, 19, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
        parts = (Chunk(b"IHDR", header), Chunk(b"IDAT", zlib.compress(rows)), Chunk(b"IEND", b""))
        path.write_bytes(SIGNATURE + b"".join(part.encoded for part in parts))
    picture = files.open_picture(path)
    assert picture.depth == "u16"
    assert np.array_equal(picture.pixels, pixels)
    assert picture.srgb().dtype == np.uint16


def test_content_decides_and_not_the_suffix(tmp_path, encoded, noise):
    path = tmp_path / "picture.svg"
    path.write_bytes(encoded(noise, "PNG"))
    assert files.open_picture(path).format == "png"


def test_odd_names_are_only_names(tmp_path, encoded, noise):
    path = tmp_path / "a[page=1],ü 日本 %d.png"
    path.write_bytes(encoded(noise, "PNG"))
    picture = files.open_picture(path)
    files.save_with(picture, picture.pixels, path.with_name("[b]é.png"))
    assert sorted(os.listdir(tmp_path)) == sorted(["a[page=1],ü 日本 %d.png", "[b]é.png"])


NO_UTF8 = os.fsdecode(b"caf\xe9.png")
"""As a disk from before UTF-8 has it."""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf8_is_only_a_name(tmp_path, encoded, noise):
    path = tmp_path / NO_UTF8
    for pixels in (noise, np.ascontiguousarray(noise[::-1])):
        path.write_bytes(encoded(pixels, "PNG"))
        picture = files.open_picture(path)
        assert np.array_equal(picture.pixels, pixels)
    assert np.array_equal(files.open_mask(path), noise[::-1, :, 3])
    out = path.with_name(os.fsdecode(b"out\xff.png"))
    files.save_with(picture, picture.pixels, out)
    files.save_new(picture.pixels, out, {"seed": "1"})
    assert np.array_equal(files.open_picture(out).pixels, noise[::-1])
    assert sorted(os.listdir(os.fsencode(tmp_path))) == [b"caf\xe9.png", b"out\xff.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.parametrize("content", [None, b"", b"no picture", SIGNATURE + b"cut off"])
def test_what_is_wrong_with_such_a_file_can_be_told(tmp_path, content):
    path = tmp_path / NO_UTF8
    if content is not None:
        path.write_bytes(content)
    assert "caf?.png" in refused(path)


def test_a_file_that_changed_is_read_anew(tmp_path, encoded, noise):
    path = tmp_path / "picture.png"
    for pixels in (noise, noise[::-1], noise[:, ::-1]):
        path.write_bytes(encoded(np.ascontiguousarray(pixels), "PNG"))
        assert np.array_equal(files.open_picture(path).pixels, pixels)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_pictures_stand_upright_as_in_pillow(tmp_path, encoded, noise, turn, form):
    path = tmp_path / "turned"
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"tiffinfo": exif} if form == "TIFF" else {"exif": exif.tobytes()}
    options |= {"lossless": True, "exact": True} if form == "WEBP" else {}
    path.write_bytes(encoded(noise, form, **options))
    # From memory: a TIFF that it maps from disk Pillow does not turn.
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    picture = files.open_picture(path)
    assert np.array_equal(picture.pixels, expected)
    assert (picture.extent.height, picture.extent.width) == expected.shape[:2]


def test_only_the_first_of_several_pages_is_used_and_said(tmp_path, noise):
    noise = np.ascontiguousarray(noise[..., :3])
    for name in ("pages.tif", "moving.webp"):
        path = tmp_path / name
        more = [Image.fromarray(np.ascontiguousarray(noise[::-1]))]
        Image.fromarray(noise).save(
            path,
            save_all=True,
            append_images=more,
            **({"lossless": True, "exact": True} if name.endswith("webp") else {}),
        )
        picture = files.open_picture(path)
        assert np.array_equal(picture.pixels[..., :3], noise)
        assert "has 2 pages or frames; only the first" in picture.remarks[0]


def test_a_foreign_profile_is_converted_for_the_model(tmp_path, encoded, noise, p3_profile, srgb_profile):
    path = tmp_path / "wide.png"
    path.write_bytes(encoded(noise, "PNG", icc_profile=p3_profile))
    picture = files.open_picture(path)
    assert picture.profile == p3_profile
    assert picture.foreign
    assert np.array_equal(picture.pixels, noise)
    seen = picture.srgb()
    assert np.array_equal(seen[..., 3], noise[..., 3])
    assert np.abs(seen[..., :3].astype(int) - noise[..., :3]).max() > 5
    assert np.array_equal(picture.srgb(Bounds(5, 6, 7, 8)), seen[6:14, 5:12])
    path.write_bytes(encoded(noise, "PNG", icc_profile=srgb_profile))
    assert not files.open_picture(path).foreign
    assert np.array_equal(files.open_picture(path).srgb(), noise)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_profile_that_cannot_be_used_is_said(tmp_path, encoded, noise, form, linear_grey_profile):
    path = tmp_path / "odd"
    for profile in (b"\0" * 200, linear_grey_profile):
        path.write_bytes(encoded(noise[..., :3], form, icc_profile=profile))
        picture = files.open_picture(path)
        assert np.array_equal(picture.srgb(), picture.pixels)
        assert picture.profile is None or "cannot be used" in picture.remarks[0]


def test_a_layer_goes_into_the_pictures_own_colours(tmp_path, encoded, p3_profile):
    path = tmp_path / "wide.png"
    path.write_bytes(encoded(np.full((4, 4, 3), 100, np.uint8), "PNG", icc_profile=p3_profile))
    picture = files.open_picture(path)
    layer = np.zeros((2, 2, 4), np.uint8)
    layer[0, 0] = (200, 40, 90, 255)
    out = picture.with_layer(layer, Bounds(1, 1, 2, 2))
    changed = (out != picture.pixels).any(axis=2)
    assert np.argwhere(changed).tolist() == [[1, 1]]
    files.save_with(picture, out, path)
    assert np.abs(files.open_picture(path).srgb()[1, 1].astype(int) - (200, 40, 90)).max() <= 1


def refused(path) -> str:
    with pytest.raises(files.PictureError) as caught:
        files.open_picture(path)
    assert caught.value.failure.remedy
    return str(caught.value)


def test_what_cannot_be_painted_on_is_refused_kindly(tmp_path, encoded, noise):
    path = tmp_path / "picture"
    assert "There is no file" in refused(path)
    assert "is a folder" in refused(tmp_path)
    for content in (
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%PDF-1.7",
        b"GIF89a",
    ):
        path.write_bytes(content)
        assert "not a PNG, JPEG, WebP or TIFF" in refused(path)
    for form in ("JPEG", "TIFF"):
        Image.fromarray(noise).convert("CMYK").save(path, form)
        assert "CMYK" in refused(path)
    Image.fromarray(noise[..., 0].astype(np.float32)).save(path, "TIFF")
    assert "floating point" in refused(path)
    pyvips.Image.new_from_array(np.zeros((4, 4, 6), np.uint8)).tiffsave(str(path))
    assert "neither grey nor RGB" in refused(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in refused(tmp_path / "pipe")


@pytest.mark.parametrize("form", ["png", "tiff"])
@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (MAX_SIDE + 1, 1), (20000, 20000)])
def test_too_many_pixels_are_refused_from_the_header(tmp_path, form, width, height):
    path = tmp_path / "huge"
    if form == "png":
        header = Chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
        parts = (header, Chunk(b"IDAT", zlib.compress(bytes(1 << 20))), Chunk(b"IEND", b""))
        path.write_bytes(SIGNATURE + b"".join(part.encoded for part in parts))
    else:
        tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 1)]
        body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + body + bytes(4))
    start = time.process_time()
    message = refused(path)
    assert f"{width} x {height} pixels" in message
    assert time.process_time() - start < 1


FORMS = [
    ("PNG", {"compress_level": 1}),
    ("JPEG", {"quality": 90}),
    ("JPEG", {"quality": 90, "progressive": True}),
    ("WEBP", {"lossless": True, "exact": True}),
    ("WEBP", {"quality": 80}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
]


@pytest.mark.parametrize(("form", "options"), FORMS)
def test_a_file_cut_off_anywhere_is_whole_or_refused(tmp_path, encoded, noise, form, options, p3_profile):
    content = encoded(noise[..., :3], form, icc_profile=p3_profile, **options)
    path = tmp_path / "cut"
    path.write_bytes(content)
    whole = files.open_picture(path).pixels
    lengths = {
        *range(64),
        *range(len(content) - 64, len(content)),
        *range(0, len(content), max(1, len(content) // 150)),
    }
    refusals = 0
    for length in sorted(lengths):
        path.write_bytes(content[:length])
        try:
            assert np.array_equal(files.open_picture(path).pixels, whole), length
        except files.PictureError:
            refusals += 1
    assert refusals > len(lengths) * 0.7


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FORMS), st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8))
def test_damaged_bytes_give_a_picture_or_a_refusal(tmp_path_factory, encoded, noise, form, place, damage):
    content = bytearray(encoded(noise[..., :3], form[0], **form[1]))
    at = int(place * len(content))
    content[at : at + len(damage)] = damage
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(bytes(content))
    try:
        picture = files.open_picture(path)
    except files.PictureError:
        return
    assert picture.pixels.ndim == 3


def test_masks_are_white_where_to_paint(tmp_path, encoded):
    grey = np.uint8([[0, 128, 255]])[..., np.newaxis]
    full = np.full_like(grey, 255)
    cases = {
        "grey": grey,
        "grey with alpha that says nothing": np.concatenate((grey, full), axis=2),
        "colour": np.repeat(grey, 3, axis=2),
        "a selection on nothing": np.concatenate((full, grey), axis=2),
        "black paint on nothing": np.concatenate((full - 255, full - 255, full - 255, grey), axis=2),
    }
    for name, pixels in cases.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(encoded(pixels, "PNG"))
        mask = files.open_mask(path)
        assert mask.shape == (1, 3), name
        assert np.array_equal(mask, grey[..., 0]), name


def test_a_deep_mask_stays_deep(tmp_path):
    deep = np.uint16([[0, 1, 40000, 65535]])
    path = tmp_path / "deep.png"
    pyvips.Image.new_from_array(deep, interpretation="grey16").pngsave(str(path))
    assert np.array_equal(files.open_mask(path), deep)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_layer_over_a_cleared_picture_keeps_its_bits(tmp_path, noise, encoded, depth):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(noise[..., :3], "png"))
    picture = files.open_picture(path)
    picture = replace(picture, pixels=picture.pixels.astype(depth))
    cleared = picture.cleared()
    assert (cleared.extent, cleared.order, cleared.depth) == (picture.extent, "rgba", picture.depth)
    assert not cleared.pixels.any()
    top = np.iinfo(depth).max
    layer = np.random.default_rng(3).integers(0, top, (20, 30, 4), depth, endpoint=True)
    layer[:5, :, 3] = 0
    laid = cleared.with_layer(layer, Bounds(7, 9, 30, 20))
    seen = layer[5:]
    assert np.array_equal(laid[14:29, 7:37], np.where(seen[..., 3:] > 0, seen, 0))
    laid[9:29, 7:37] = 0
    assert not laid.any()


def test_a_cleared_grey_picture_stays_grey(tmp_path, noise, encoded):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(noise[..., :1], "png"))
    cleared = files.open_picture(path).cleared()
    assert (cleared.order, cleared.pixels.shape) == ("graya", (37, 53, 2))
