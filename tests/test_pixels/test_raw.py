from __future__ import annotations

import hashlib
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from backend.pixels import raw
from protocol import ORDER_CHANNELS, ContentError, Raster

DEPTHS = ("u8", "u16", "f16", "f32")
ORDERS = tuple(ORDER_CHANNELS)


def raster_of(content: bytes, width: int, height: int, order="rgba", depth="u8", encoding="raw") -> Raster:
    return Raster(hashlib.sha256(content).hexdigest(), len(content), width, height, order, depth, encoding)


@st.composite
def pixels(draw, depths=DEPTHS):
    order = draw(st.sampled_from(ORDERS))
    dtype = raw.DTYPES[draw(st.sampled_from(depths))]
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)), ORDER_CHANNELS[order])
    values = {} if dtype.kind == "u" else {"elements": st.floats(0, 1, width=8 * dtype.itemsize)}
    return draw(hnp.arrays(dtype, shape, **values)), order


@given(pixels(), st.sampled_from(("raw", "zlib")))
def test_what_is_made_a_raster_unpacks_to_the_same_bits(case, encoding):
    array, order = case
    raster, content = raw.to_raster(array, order, encoding)
    back = raw.unpack(raster, content)
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)
    assert raster == raster_of(content, array.shape[1], array.shape[0], order, raw.depth_of(array), encoding)


@pytest.mark.parametrize("encoding", ["raw", "zlib"])
@pytest.mark.parametrize("order", ["rgba", "bgra"])
@pytest.mark.parametrize(("depth", "most"), [("u8", 255), ("u16", 65535)])
def test_every_representable_value_survives_packing(depth, most, order, encoding):
    values = np.arange(most + 1, dtype=np.int64)
    whole = np.stack([values, values[::-1], (values * 7) % (most + 1), values], axis=-1).reshape(-1, 16, 4)
    floats = (whole / most).astype(np.float32)
    raster, content = raw.pack(floats, depth, order, encoding)
    assert (raster.depth, raster.order, raster.encoding) == (depth, order, encoding)
    back = raw.unpack(raster, content)
    assert np.array_equal(back[..., [2, 1, 0, 3]] if order == "bgra" else back, whole)
    assert np.array_equal(raw.to_rgba(back, order), floats)


def test_halves_are_rounded_up():
    halves = (np.arange(255) + 0.5) / 256 * 256 / 255
    rgba = np.repeat(halves.astype(np.float32).reshape(-1, 1, 1), 4, axis=2)
    exact = np.floor(rgba.astype(np.float64) * 255 + 0.5)
    packed = raw.unpack(*raw.pack(rgba, "u8"))
    assert np.abs(packed - exact).max() <= 1
    assert raw.quantise(np.float32([[0.5]]), "u8")[0, 0] == 128
    assert raw.quantise(np.float32([[0.5]]), "u16")[0, 0] == 32768


def test_whole_numbers_go_through_untouched():
    whole = np.random.default_rng(1).integers(0, 65536, (5, 6, 4), dtype=np.uint16)
    assert raw.quantise(whole, "u16") is whole
    assert raw.pack(whole, "u16")[1] == whole.tobytes()


def test_raw_content_is_not_copied():
    raster, content = raw.to_raster(np.zeros((4, 4, 4), np.uint8), "rgba")
    array = raw.unpack(raster, content)
    assert not array.flags.writeable
    assert np.shares_memory(array, np.frombuffer(content, np.uint8))


@given(pixels())
def test_rgba_finds_each_channel_whatever_the_order(case):
    array, order = case
    rgba = raw.to_rgba(array, order)
    assert rgba.dtype == np.float32
    assert rgba.shape == (*array.shape[:2], 4)
    most = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1
    for y, x in np.ndindex(array.shape[:2]):
        v = [float(value) / most for value in array[y, x]]
        expected = {
            "gray": lambda v=v: [v[0], v[0], v[0], 1],
            "graya": lambda v=v: [v[0], v[0], v[0], v[1]],
            "rgb": lambda v=v: [*v, 1],
            "rgba": lambda v=v: v,
            "bgra": lambda v=v: [v[2], v[1], v[0], v[3]],
        }[order]()
        assert np.allclose(rgba[y, x], expected, atol=1e-6)


def test_floats_are_little_endian_and_half_floats_are_read():
    raster = raster_of(b"\x00\x3c\x00\x38\x00\x00\x00\x34", 1, 1, "rgba", "f16")
    assert raw.to_rgba(raw.unpack(raster, b"\x00\x3c\x00\x38\x00\x00\x00\x34"), "rgba").tolist() == [
        [[1.0, 0.5, 0.0, 0.25]]
    ]
    assert raw.unpack(raster_of(b"\x01\x02", 1, 1, "gray", "u16"), b"\x01\x02")[0, 0, 0] == 0x0201


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_no_colour_never_becomes_a_pixel(bad, dtype):
    array = np.full((2, 2, 4), 0.5, dtype)
    array[1, 0, 2] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        raw.to_rgba(array, "rgba")
    with pytest.raises(ValueError, match="NaN or infinity"):
        raw.pack(array, "u8")
    with pytest.raises(ValueError, match="NaN or infinity"):
        raw.to_mask(array[..., 2])


def test_brighter_than_white_is_clipped():
    array = np.float32([[[1.5, -0.25, 0.5, 1.0]]])
    assert raw.to_rgba(array, "rgba").tolist() == [[[1.0, 0.0, 0.5, 1.0]]]
    assert raw.unpack(*raw.pack(array, "u8")).tolist() == [[[255, 0, 128, 255]]]


def test_masks_come_with_or_without_a_channel_axis():
    mask = np.uint8([[0, 255], [51, 102]])
    expected = np.float32([[0, 1], [0.2, 0.4]])
    assert np.array_equal(raw.to_mask(mask), expected)
    assert np.array_equal(raw.to_mask(mask[..., np.newaxis]), expected)
    with pytest.raises(ValueError, match="one channel"):
        raw.to_mask(np.zeros((2, 2, 3), np.uint8))


def test_content_of_the_wrong_length_is_refused():
    raster, content = raw.to_raster(np.zeros((3, 3, 4), np.uint8), "rgba")
    for wrong in (content[:-1], content + b"\0", b""):
        with pytest.raises(ContentError, match="expected 36 bytes"):
            raw.unpack(raster, wrong)


def test_a_compression_bomb_is_refused_without_room_for_it():
    bomb = zlib.compress(bytes(256 << 20), 9)
    raster = raster_of(bomb, 64, 64, "rgba", "u8", "zlib")
    tracemalloc.start()
    try:
        with pytest.raises(ContentError, match="more than 16384 bytes"):
            raw.unpack(raster, bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("more", [1, 2, 100, 100_000])
def test_one_byte_too_many_is_too_many(more):
    content = zlib.compress(np.random.default_rng(0).bytes(64 + more))
    with pytest.raises(ContentError, match="more than 64 bytes"):
        raw.unpack(raster_of(content, 4, 4, "rgba", "u8", "zlib"), content)


def test_compressed_pixels_cut_off_anywhere_are_refused():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 4), dtype=np.uint8)
    _, content = raw.to_raster(pixels, "rgba", "zlib")
    for length in range(1, len(content)):
        with pytest.raises(ContentError):
            raw.unpack(raster_of(content[:length], 4, 4, "rgba", "u8", "zlib"), content[:length])


def test_what_follows_compressed_pixels_is_refused():
    _, content = raw.to_raster(np.zeros((4, 4, 4), np.uint8), "rgba", "zlib")
    with pytest.raises(ContentError, match="1 bytes follow"):
        raw.unpack(raster_of(content + b"x", 4, 4, "rgba", "u8", "zlib"), content + b"x")


def test_a_wrong_checksum_is_refused():
    _, content = raw.to_raster(np.zeros((4, 4, 4), np.uint8), "rgba", "zlib")
    broken = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(ContentError, match="broken"):
        raw.unpack(raster_of(broken, 4, 4, "rgba", "u8", "zlib"), broken)


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_pixels_or_a_content_error(content):
    raster = raster_of(content, 2, 3, "rgb", "u8", "zlib")
    try:
        array = raw.unpack(raster, content)
    except ContentError:
        return
    assert array.shape == (3, 2, 3)


def test_shapes_and_depths_that_no_raster_has_are_refused():
    with pytest.raises(ValueError, match="4 channels"):
        raw.to_raster(np.zeros((2, 2, 3), np.uint8), "rgba")
    with pytest.raises(ValueError, match="float64"):
        raw.to_raster(np.zeros((2, 2, 4)), "rgba")
    with pytest.raises(ValueError, match=r"\[height, width, 4\]"):
        raw.pack(np.zeros((2, 2, 3), np.float32), "u8")


def test_importing_raw_pixels_brings_no_image_library():
    check = "import sys, backend.pixels.raw, backend.pixels.layers; print(*(m for m in ('pyvips', 'torch', 'PIL') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
