"""Nothing half valid can exist."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import (
    DEPTH_BYTES,
    MAX_CONTENT_BYTES,
    MAX_LAYERS,
    MAX_PIXELS,
    MAX_PROMPT_CHARS,
    MAX_SEED,
    MAX_SIDE,
    ORDER_CHANNELS,
    Bounds,
    Context,
    Extent,
    Failure,
    Job,
    Picture,
    Raster,
    Style,
    is_content_name,
    is_job_id,
)

NAME = "0123456789abcdef" * 4
JOB_ID = "0123456789abcdef" * 2
IMAGE = Raster(NAME, 8 * 4 * 4, 8, 4, "rgba")
MASK = Raster(NAME, 8 * 4, 8, 4, "gray")
FILL = Job(JOB_ID, Extent(8, 4), "a red apple", image=IMAGE, mask=MASK, selection=Bounds(1, 1, 3, 2), strength=0.5)


@pytest.mark.parametrize("order", ORDER_CHANNELS)
@pytest.mark.parametrize("depth", DEPTH_BYTES)
def test_raw_pixels_have_exactly_the_size_of_their_layout(order, depth):
    size = 7 * 5 * ORDER_CHANNELS[order] * DEPTH_BYTES[depth]
    assert Raster(NAME, size, 7, 5, order, depth).raw_size == size
    for wrong in (size - 1, size + 1):
        with pytest.raises(ValueError, match=f"7 x 5 {order} {depth} is {size} bytes, not {wrong}"):
            Raster(NAME, wrong, 7, 5, order, depth)


def test_layouts_are_those_of_the_contract():
    assert ORDER_CHANNELS == {"gray": 1, "graya": 2, "rgb": 3, "rgba": 4, "bgra": 4}
    assert DEPTH_BYTES == {"u8": 1, "u16": 2, "f16": 2, "f32": 4}


def test_packed_pixels_may_have_any_size_up_to_the_bound():
    assert Raster(NAME, 1, 7, 5, "rgb", encoding="zlib").raw_size == 105
    assert Raster(NAME, MAX_CONTENT_BYTES, 7, 5, "rgb", encoding="zlib").size == MAX_CONTENT_BYTES
    with pytest.raises(ValueError, match="size must lie between 1"):
        Raster(NAME, MAX_CONTENT_BYTES + 1, 7, 5, "rgb", encoding="zlib")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"content": NAME.upper()}, "64 lower-case hexadecimal digits"),
        ({"content": NAME + "\n"}, "64 lower-case hexadecimal digits"),
        ({"size": 0}, "size must lie between 1"),
        ({"width": 0}, "width must lie between 1 and"),
        ({"width": MAX_SIDE + 1}, "width must lie between 1 and"),
        ({"height": 0}, "height must lie between 1 and"),
        ({"height": MAX_SIDE + 1}, "height must lie between 1 and"),
        ({"width": MAX_SIDE, "height": MAX_PIXELS // MAX_SIDE + 1}, f"more than {MAX_PIXELS} pixels"),
        # a small file that would unpack to a gigabyte
        ({"width": 8192, "height": 8192, "depth": "f32", "encoding": "zlib"}, "bytes of pixels are more than"),
    ],
    ids=str,
)
def test_a_raster_that_cannot_be_does_not_exist(changes, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(IMAGE, **changes)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id": "1"}, "a job's id must be"),
        ({"extent": Extent(9, 4)}, "the image is 8 x 4, the job 9 x 4"),
        ({"extent": Extent(MAX_SIDE + 1, 1)}, "is too large"),
        ({"prompt": "x" * (MAX_PROMPT_CHARS + 1)}, "the prompt has 20001 characters"),
        ({"prompt": "\x00"}, "the prompt contains a null character"),
        ({"negative": "\ud800"}, "half a surrogate pair"),
        ({"document": "x" * 201}, "the document's name has 201 characters"),
        ({"strength": 0.0}, "strength must be above 0"),
        ({"strength": 1.0000001}, "strength must be above 0"),
        ({"strength": float("nan")}, "strength must be above 0"),
        ({"seed": -1}, "seed must lie between"),
        ({"seed": MAX_SEED + 1}, "seed must lie between"),
        ({"count": 0}, "count must lie between 1 and 16"),
        ({"count": 17}, "count must lie between 1 and 16"),
        ({"grow": -1}, "grow must lie between 0 and 1024"),
        ({"feather": 1025}, "feather must lie between 0 and 1024"),
        ({"layers": -1}, "layers must lie between 0 and 10"),
        ({"layers": MAX_LAYERS + 1}, "layers must lie between 0 and 10, got 11"),
        ({"image": None, "layers": 2}, "layers need an image"),
        ({"image": None}, "a mask or a selection needs an image"),
        ({"image": None, "mask": None, "selection": None}, "a strength below 1 needs an image"),
        ({"mask": None}, "a mask needs the selection's bounds, and they a mask"),
        ({"selection": None}, "a mask needs the selection's bounds, and they a mask"),
        ({"mask": IMAGE}, "a mask has one channel, this one is rgba"),
        ({"mask": Raster(NAME, 8, 8, 1, "gray")}, "the mask is 8 x 1, the image 8 x 4"),
        ({"selection": Bounds(6, 1, 3, 2)}, "the selection reaches outside"),
        ({"selection": Bounds(-1, 1, 3, 2)}, "the selection reaches outside"),
    ],
    ids=str,
)
def test_a_job_that_cannot_be_painted_does_not_exist(changes, says):
    with pytest.raises(ValueError, match=says):
        dataclasses.replace(FILL, **changes)


def test_a_picture_names_itself_and_its_layers():
    layers = tuple(dataclasses.replace(IMAGE, content=digit * 64) for digit in "12")
    assert Picture(IMAGE, Bounds(0, 0, 8, 4), 0, layers).rasters == (IMAGE, *layers)
    assert Picture(IMAGE, Bounds(0, 0, 8, 4), 0).rasters == (IMAGE,)


def test_a_job_names_its_attachments():
    assert FILL.rasters == (IMAGE, MASK)
    assert Job(JOB_ID, Extent(8, 4)).rasters == ()


@given(st.integers(0, MAX_SEED), st.integers(0, 15))
def test_each_picture_of_a_batch_has_a_seed_that_a_job_of_its_own_may_have(seed, picture):
    job = Job(JOB_ID, Extent(8, 4), seed=seed, count=16)
    alone = Job(JOB_ID, Extent(8, 4), seed=job.seed_of(picture))
    assert alone.seed_of(0) == job.seed_of(picture)
    assert job.seed_of(0) == seed


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Style(template="an oil painting"), r"template must contain \{prompt\}"),
        (lambda: Style(steps=0), "steps must lie between 1 and 1000"),
        (lambda: Style(steps=1001), "steps must lie between 1 and 1000"),
        (lambda: Style(guidance=-0.1), "guidance must lie between 0 and 100"),
        (lambda: Style(guidance=float("nan")), "guidance must lie between 0 and 100"),
        (lambda: Style(clip_skip=0), "clip_skip must lie between 1 and 12"),
        (lambda: Style(clip_skip=13), "clip_skip must lie between 1 and 12"),
        (lambda: Style(rescale=1.1), "rescale must lie between 0 and 1"),
        (lambda: Style(rescale=float("nan")), "rescale must lie between 0 and 1"),
        (lambda: Style(model="m" * 201), "model has 201 characters"),
        (lambda: Style(sampler="\x00"), "sampler contains a null character"),
        (lambda: Picture(IMAGE, Bounds(0, 0, 4, 8), 0), "the picture is 8 x 4, its bounds 4 x 8"),
        (lambda: Picture(IMAGE, Bounds(0, 0, 8, 4), -1), "seed must lie between"),
        (lambda: Picture(IMAGE, Bounds(0, 0, 8, 4), 0, (IMAGE, MASK)), "a layer is 8 x 4 gray u8 raw, its picture"),
        (lambda: Picture(IMAGE, Bounds(0, 0, 8, 4), 0, (Raster(NAME, 64, 4, 4, "rgba"),)), "a layer is 4 x 4"),
        (lambda: Picture(IMAGE, Bounds(0, 0, 8, 4), 0, (IMAGE,) * (MAX_LAYERS + 1)), "at most 10 layers"),
        (lambda: Failure("Not Found", "", ""), "a failure's code is a short lower-case name"),
        (lambda: Failure("", "", ""), "a failure's code is a short lower-case name"),
        (lambda: Failure("x" * 65, "", ""), "a failure's code is a short lower-case name"),
        (lambda: Failure("x", "\ud800", ""), "happened contains half a surrogate pair"),
        (lambda: Failure("x", "", "\x00"), "remedy contains a null character"),
        (lambda: Context(float("nan"), 1), "padding must lie between 0 and 16"),
        (lambda: Context(17, 1), "padding must lie between 0 and 16"),
        (lambda: Context(0, 0), "minimum must be at least 1 pixel"),
        (lambda: Bounds(0, 0, 0, 1), "bounds need sides of at least 1 pixel"),
    ],
)
def test_other_values_hold_their_invariants(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_names_are_exact():
    assert is_job_id(JOB_ID)
    assert is_content_name(NAME)
    for wrong in (JOB_ID + "\n", JOB_ID.upper(), JOB_ID[1:], "\N{ARABIC-INDIC DIGIT ZERO}" * 32):
        assert not is_job_id(wrong)
    for wrong in (NAME + "\n", NAME.upper(), NAME[1:], "\N{ARABIC-INDIC DIGIT ZERO}" * 64):
        assert not is_content_name(wrong)
