from __future__ import annotations

import errno
import io
import os
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, PngImagePlugin

from backend.pixels import files, png_chunks, writing
from backend.pixels.png_chunks import Chunk

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
EXIF_TAGS = {0x010E: "a hill", 0x013B: "Ada", 0x8298: "CC0"}
"""ImageDescription, Artist, Copyright."""


def exif_bytes(turn=1) -> bytes:
    exif = Image.Exif()
    exif.update(EXIF_TAGS)
    exif[0x0112] = turn
    exif.get_ifd(0x8769)[0x829A] = (1, 125)
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return exif.tobytes()


@pytest.fixture(params=["png", "jpeg", "webp", "tiff"])
def tagged(request, tmp_path, noise, p3_profile):
    """A file with all the metadata that its format can hold."""
    form = request.param
    path = tmp_path / f"tagged.{form}"
    options = {"icc_profile": p3_profile, "dpi": (300, 300)}
    if form == "png":
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", "Hüte")
        text.add_text("Long", "x" * 5000, zip=True)
        text.add_itxt("Comment", "日本 é", "ja", "評")
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options |= {"pnginfo": text, "exif": exif_bytes()}
    elif form == "tiff":
        info = Image.Exif()
        info[700] = XMP
        info[270] = "a hill"
        options |= {"tiffinfo": info}
    else:
        options |= {"exif": exif_bytes(), "xmp": XMP, "lossless": True, "exact": True, "quality": 95}
    Image.fromarray(noise[..., :3]).save(path, form, **options)
    return path


def xmp_of(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp", "")
    return found.encode() if isinstance(found, str) else found


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_metadata_and_profile_are_kept_from_any_format_to_any(tmp_path, tagged, suffix, p3_profile):
    picture = files.open_picture(tagged)
    out = tmp_path / f"out.{suffix}"
    remarks = files.save_with(picture, picture.pixels, out)
    assert remarks == files.check_target(picture, out)
    assert any("EXIF data is not written" in remark for remark in remarks) == (
        suffix == "tif" and picture.format != "tiff"
    )
    assert any("have no place" in remark for remark in remarks) == (suffix != "png" and picture.format == "png")
    with Image.open(tagged) as before, Image.open(out) as after:
        before.load(), after.load()
        assert after.info["icc_profile"] == p3_profile
        assert xmp_of(after).strip(b"\0") == xmp_of(before) == XMP
        if suffix == "tif":
            return
        if picture.format != "tiff":
            exif = after.getexif()
            assert {tag: exif[tag] for tag in EXIF_TAGS} == EXIF_TAGS
            assert exif.get_ifd(0x8769)[0x829A] == before.getexif().get_ifd(0x8769)[0x829A]
            assert exif.get_ifd(0x8769)[0x9003] == "2024:05:06 07:08:09"
    if suffix != "jpg":
        assert np.array_equal(files.open_picture(out).pixels, picture.pixels)


@pytest.mark.parametrize("tagged", ["png"], indirect=True)
def test_what_a_png_carries_is_kept_byte_for_byte(tmp_path, tagged):
    colours = (Chunk(b"gAMA", (45455).to_bytes(4, "big")), Chunk(b"cICP", bytes((12, 13, 0, 1))))
    tagged.write_bytes(png_chunks.with_chunks(tagged.read_bytes(), frozenset(), colours))
    picture = files.open_picture(tagged)
    out = tmp_path / "out.png"
    files.save_with(picture, 255 - picture.pixels, out)
    before, after = ({c.name + c.data for c in picture.png_chunks}, set())
    with out.open("rb") as file:
        after = {c.name + c.data for c in png_chunks.read_kept(file)}
    assert before == after
    assert {name[:4] for name in after} == {b"gAMA", b"cICP", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
    with Image.open(out) as image:
        image.load()
        assert image.text["Title"] == "Hüte"
        assert image.text["Long"] == "x" * 5000
        assert (image.text["Comment"], image.text["Comment"].lang) == ("日本 é", "ja")


def test_nothing_is_added_to_a_png_that_carried_nothing(tmp_path, encoded, noise):
    path = tmp_path / "plain.png"
    path.write_bytes(encoded(noise, "PNG"))
    picture = files.open_picture(path)
    files.save_with(picture, picture.pixels, path)
    assert {chunk.name for chunk in png_chunks._chunks(path.read_bytes())} == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize("turn", range(2, 9))
@pytest.mark.parametrize("form", ["png", "webp", "tiff"])
def test_a_turned_picture_is_turned_once(tmp_path, encoded, noise, form, turn):
    path, again = tmp_path / f"turned.{form}", tmp_path / f"again.{form}"
    turned = Image.Exif()
    turned[0x0112] = turn
    options = {"tiffinfo": turned} if form == "tiff" else {"exif": exif_bytes(turn)}
    options |= {"lossless": True, "exact": True} if form == "webp" else {}
    path.write_bytes(encoded(noise, form.upper(), **options))
    picture = files.open_picture(path)
    files.save_with(picture, picture.pixels, again)
    assert np.array_equal(files.open_picture(again).pixels, picture.pixels)
    with Image.open(again) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert np.array_equal(np.asarray(image), picture.pixels)
        if form != "tiff":
            assert image.getexif()[0x013B] == "Ada"


def test_a_thumbnail_of_the_old_picture_is_not_kept(tmp_path, noise):
    exif = Image.Exif()
    thumbnail = io.BytesIO()
    Image.fromarray(noise[..., :3]).save(thumbnail, "JPEG")
    exif.get_ifd(1)[0x0201] = 0
    exif[0x013B] = "Ada"
    body = exif.tobytes()
    path = tmp_path / "a.jpg"
    Image.fromarray(noise[..., :3]).save(path, exif=body)
    image = pyvips.Image.jpegload(str(path)).copy()
    image.set_type(pyvips.GValue.blob_type, "jpeg-thumbnail-data", thumbnail.getvalue())
    image.jpegsave(str(tmp_path / "b.jpg"))
    source = (tmp_path / "b.jpg").read_bytes()
    picture = files.open_picture(tmp_path / "b.jpg")
    files.save_with(picture, picture.pixels, tmp_path / "c.jpg")
    assert source.count(b"\xff\xd8\xff") == 2
    assert (tmp_path / "c.jpg").read_bytes().count(b"\xff\xd8\xff") == 1


SIDES = st.integers(1, 9)
PICTURES = st.one_of(
    *(hnp.arrays(dtype, st.tuples(SIDES, SIDES, st.just(n))) for dtype in (np.uint8, np.uint16) for n in (1, 2, 3, 4))
)
ORDERS = {1: "gray", 2: "graya", 3: "rgb", 4: "rgba"}


@settings(max_examples=80, deadline=None)
@given(PICTURES, st.sampled_from(("png", "tif")))
def test_every_picture_survives_png_and_tiff_to_the_bit(tmp_path_factory, pixels, suffix):
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    picture = files.PictureFile(path, "png", pixels, ORDERS[pixels.shape[2]])
    assert files.save_with(picture, pixels, path) == []
    back = files.open_picture(path)
    assert back.depth == picture.depth
    assert np.array_equal(back.pixels, pixels)


def test_pillow_reads_what_is_written(tmp_path, noise, pillow_pixels):
    for suffix, channels in ((s, n) for s in ("png", "tif", "webp") for n in (1, 2, 3, 4)):
        pixels = np.ascontiguousarray(noise[..., :channels])
        path = tmp_path / f"a{channels}.{suffix}"
        files.save_with(files.PictureFile(path, "png", pixels, ORDERS[channels]), pixels, path)
        expected = pixels
        if suffix == "webp" and channels < 3:
            expected = np.concatenate((np.repeat(pixels[..., :1], 3, axis=2), pixels[..., 1:]), axis=2)
        assert np.array_equal(pillow_pixels(path), expected), path.name
        if suffix == "tif" and channels in (2, 4):
            with Image.open(path) as image:
                assert image.tag_v2[338] == (2,), "alpha must be marked as straight"


def test_jpeg_says_what_it_does_and_stays_close(tmp_path):
    smooth = (np.indices((64, 64)).sum(axis=0)[..., np.newaxis] * [1, 2, 1]).astype(np.uint8)
    picture = files.PictureFile(tmp_path / "a", "png", smooth, "rgb")
    assert files.save_with(picture, smooth, tmp_path / "a.jpg") == [writing.JPEG_REMARK]
    back = files.open_picture(tmp_path / "a.jpg").pixels.astype(int)
    assert np.abs(back - smooth).max() <= 4


def test_sixteen_bits_into_eight_are_rounded_and_said(tmp_path):
    deep = np.linspace(0, 65535, 300).astype(np.uint16).reshape(10, 10, 3)
    picture = files.PictureFile(tmp_path / "a", "png", deep, "rgb")
    remarks = files.save_with(picture, deep, tmp_path / "a.webp")
    assert "16 bits are rounded" in remarks[0]
    assert np.array_equal(files.open_picture(tmp_path / "a.webp").pixels, np.floor(deep / 257 + 0.5))


def test_transparency_is_never_lost_silently(tmp_path, noise):
    picture = files.PictureFile(tmp_path / "a", "png", noise, "rgba")
    for check in (
        lambda: files.check_target(picture, tmp_path / "a.jpg"),
        lambda: files.save_with(picture, noise, tmp_path / "a.jpg"),
    ):
        with pytest.raises(files.PictureError, match="no transparency"):
            check()
    opaque = noise.copy()
    opaque[..., 3] = 255
    files.save_with(files.PictureFile(tmp_path / "a", "png", opaque, "rgba"), opaque, tmp_path / "a.jpg")
    assert files.open_picture(tmp_path / "a.jpg").order == "rgb"
    assert [path.name for path in tmp_path.iterdir()] == ["a.jpg"]


def test_places_that_cannot_be_written_are_said_before_the_work(tmp_path, noise):
    picture = files.PictureFile(tmp_path / "a", "png", noise, "rgba")
    (tmp_path / "folder.png").mkdir()
    for name, words in (
        ("a.gif", "in which format"),
        ("a", "in which format"),
        ("no/a.png", "no folder"),
        ("folder.png", "is a folder"),
    ):
        with pytest.raises(files.PictureError, match=words):
            files.check_target(picture, tmp_path / name)
        with pytest.raises(files.PictureError):
            files.save_with(picture, noise, tmp_path / name)
    long = files.PictureFile(tmp_path / "a", "png", np.zeros((1, 16384, 3), np.uint8), "rgb")
    with pytest.raises(files.PictureError, match="WebP holds at most"):
        files.check_target(long, tmp_path / "a.webp")


def test_pixels_of_another_layout_are_refused(tmp_path, noise):
    picture = files.PictureFile(tmp_path / "a", "png", noise, "rgba")
    for wrong in (noise[..., :3], noise[1:], noise.astype(np.uint16)):
        with pytest.raises(ValueError, match="do not fit"):
            files.save_with(picture, wrong, tmp_path / "a.png")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_picture(tmp_path, noise, monkeypatch, call):
    path = tmp_path / "a.png"
    path.write_bytes(b"the old one")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((writing.os, "fsync") if call == "fsync" else (writing.Path, "replace")), full)
    picture = files.PictureFile(path, "png", noise, "rgba")
    with pytest.raises(files.PictureError, match="No space left on device") as caught:
        files.save_with(picture, noise, path)
    assert "untouched" in caught.value.happened
    assert path.read_bytes() == b"the old one"
    assert os.listdir(tmp_path) == ["a.png"]


@pytest.mark.skipif(os.name != "posix" or not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_disk_that_is_really_full_is_an_error(monkeypatch, tmp_path, noise):
    path = tmp_path / "a.png"
    path.write_bytes(b"the old one")
    real = writing.Path.open
    monkeypatch.setattr(
        writing.Path,
        "open",
        lambda self, mode="r": real(writing.Path("/dev/full"), "wb") if mode == "xb" else real(self, mode),
    )
    with pytest.raises(files.PictureError, match="could not be written"):
        files.save_with(files.PictureFile(path, "png", noise, "rgba"), noise, path)
    assert path.read_bytes() == b"the old one"


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
def test_mode_and_link_of_the_output_stay(tmp_path, noise):
    target, link = tmp_path / "real.png", tmp_path / "link.png"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    files.save_with(files.PictureFile(link, "png", noise, "rgba"), noise, link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert np.array_equal(files.open_picture(target).pixels, noise)


RECIPE = {"prompt": "a red apple\n& <two> 日本 \u00e9", "seed": "42", "software": "Scumble"}


def test_a_new_png_tells_its_recipe(tmp_path, noise):
    path = tmp_path / "new.png"
    assert files.save_new(noise[..., :3], path, RECIPE) == []
    with Image.open(path) as image:
        image.load()
        assert image.text == RECIPE
        assert np.array_equal(np.asarray(image), noise[..., :3])


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif"])
def test_other_new_pictures_tell_it_as_xmp(tmp_path, noise, suffix):
    path = tmp_path / f"new.{suffix}"
    files.save_new(noise[..., :3], path, RECIPE | {"odd": "\x00\x07\ud800\uffff"})
    with Image.open(path) as image:
        packet = xmp_of(image).strip(b"\0").decode()
    root = ET.fromstring(re.sub(r"<\?xpacket.*?\?>", "", packet))
    text = "".join(root.find(".//{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li").itertext())
    assert text == "\n".join(f"{name}: {value}" for name, value in RECIPE.items()) + "\nodd:     "


def test_floats_become_a_new_picture(tmp_path):
    path = tmp_path / "new.png"
    files.save_new(np.float32([[[0, 0.5, 1], [2, -1, 0.25]]]), path, {})
    assert files.open_picture(path).pixels.tolist() == [[[0, 128, 255], [255, 0, 64]]]
    with pytest.raises(ValueError, match="NaN"):
        files.save_new(np.full((1, 1, 3), np.nan, np.float32), path, {})


def test_a_text_needs_a_name_that_png_allows(tmp_path, noise):
    for name in ("", "x" * 80, " a", "a\nb"):
        with pytest.raises(ValueError, match="cannot name a text"):
            files.save_new(noise, tmp_path / "a.png", {name: "x"})
