from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.executors.exchange import (
    CancelPlan,
    Ready,
    RunPlan,
    contents_of,
    decode_order,
    decode_said,
    encode_order,
    encode_said,
)
from backend.executors.frames import Frame, FrameError, read_frame, write_frame
from backend.plan import Finished, MaskPlan, PictureMade, Plan, PreviewMade, Stepped, Stopped, WentWrong
from backend.prompts import Fragment, LoraUse, Prompt, Words
from protocol import Bounds, DeviceInfo, Extent, Failure, Picture, Raster

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30)
numbers = st.integers(0, 2**40)
sides = st.integers(1, 9)


@st.composite
def pixels(draw, order="rgba"):
    width, height = draw(sides), draw(sides)
    size = width * height * (1 if order == "gray" else 4)
    content = draw(st.binary(min_size=size, max_size=size))
    return Raster(hashlib.sha256(content).hexdigest(), size, width, height, order), content


bounds = st.builds(Bounds, st.integers(-99, 99), st.integers(-99, 99), sides, sides)
extents = st.builds(Extent, sides, sides)


weights = st.floats(-10, 10)
parts = st.lists(st.builds(Fragment, texts, weights), max_size=3).map(tuple)
prompts = st.builds(Prompt, st.lists(parts, max_size=3).map(tuple), st.integers(1, 12))
loras = st.builds(LoraUse, st.text("ab", min_size=1, max_size=9), weights)
words = st.builds(Words, prompts, prompts, st.lists(loras, max_size=2).map(tuple))


@st.composite
def runs(draw):
    image, image_bytes = draw(pixels())
    raster, mask_bytes = draw(pixels("gray"))
    seeds = tuple(draw(st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=5)))
    mask = draw(st.none() | st.builds(MaskPlan, st.just(raster), bounds, numbers, numbers, numbers))
    plan = Plan(
        job=draw(texts),
        model=draw(texts),
        family=draw(texts),
        words=tuple(draw(words) for _ in seeds) if draw(st.booleans()) else (draw(words),),
        seeds=seeds,
        extent=draw(extents),
        crop=draw(bounds),
        size=draw(extents),
        result=draw(bounds),
        sampler=draw(texts),
        steps=draw(numbers),
        guidance=draw(st.floats(0, 100)),
        strength=draw(st.floats(0, 1)),
        image=draw(st.sampled_from([None, image])),
        mask=mask,
        prefill=draw(st.sampled_from(["none", "blur"])),
        depth=draw(st.sampled_from(["u8", "u16"])),
        order=draw(st.sampled_from(["rgba", "bgra"])),
        encoding=draw(st.sampled_from(["raw", "zlib"])),
        previews=draw(st.booleans()),
        notes=tuple(draw(st.lists(texts, max_size=3))),
        rescale=draw(st.floats(0, 1)),
        layers=draw(st.integers(0, 10)),
    )
    every = {image.content: image_bytes, raster.content: mask_bytes}
    return RunPlan(plan, {name: every[name] for name in contents_of(plan)})


@st.composite
def pictures(draw):
    raster, content = draw(pixels())
    place = Bounds(draw(st.integers(-9, 9)), draw(st.integers(-9, 9)), raster.width, raster.height)
    apart = draw(st.lists(st.binary(min_size=raster.size, max_size=raster.size), max_size=3))
    layers = tuple(replace(raster, content=hashlib.sha256(layer).hexdigest()) for layer in apart)
    return PictureMade(
        draw(numbers), Picture(raster, place, draw(st.integers(0, 2**53 - 1)), layers), content, tuple(apart)
    )


@st.composite
def previews(draw):
    raster, content = draw(pixels())
    return PreviewMade(draw(numbers), draw(numbers), raster, content)


said = st.one_of(
    st.builds(Ready, st.builds(DeviceInfo, texts, st.sampled_from(["cuda", "cpu", "unknown"]), numbers)),
    st.builds(Stepped, st.sampled_from(["loading", "encoding", "painting", "decoding"]), numbers, numbers, numbers),
    pictures(),
    previews(),
    st.builds(Finished, st.lists(texts, max_size=3).map(tuple)),
    st.just(Stopped()),
    st.builds(WentWrong, st.builds(Failure, st.just("some_code"), texts, texts)),
)


def over_the_wire(frame: Frame) -> Frame:
    stream = io.BytesIO()
    write_frame(stream, frame)
    stream.seek(0)
    arrived = read_frame(stream)
    assert arrived is not None
    return arrived


@given(runs() | st.builds(CancelPlan, texts))
def test_orders_arrive_as_they_were(order):
    assert decode_order(over_the_wire(encode_order(order))) == order


@given(said)
def test_what_the_worker_says_arrives_as_it_was(value):
    assert decode_said(over_the_wire(encode_said(value))) == value


@given(runs())
def test_a_missing_content_is_an_error_at_the_sender(run):
    assume(run.contents)
    with pytest.raises(KeyError):
        encode_order(RunPlan(run.plan, {}))


@given(runs())
def test_an_image_that_is_also_the_mask_travels_once(run):
    assume(run.plan.mask is not None)
    twice = replace(run.plan, image=run.plan.mask.raster)
    assert contents_of(twice) == (run.plan.mask.raster.content,)


GOOD = encode_said(Stepped("painting", 0, 1, 2))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (Frame({}), "no type"),
        (Frame({"type": 3}), "no type"),
        (Frame({"type": "sung", "body": {}}), "unknown event 'sung'"),
        (Frame({"type": "stepped"}), "expected object, got null at $.body"),
        (Frame({"type": "stepped", "body": {"stage": "dancing"}}), "at $.body.stage"),
        (Frame({"type": "stepped", "body": {"stage": "painting", "step": True}}), "expected int, got bool"),
        (Frame(GOOD.header, (b"more",)), "expected 0 attachments, got 1"),
        (Frame(encode_order(CancelPlan("a")).header), "unknown event 'cancel'"),
    ],
)
def test_what_no_worker_says_is_the_documented_error(frame, says):
    with pytest.raises(FrameError) as caught:
        decode_said(frame)
    assert says in str(caught.value)


@given(pictures() | previews(), st.integers(0, 2))
def test_a_picture_has_exactly_its_bytes(made, kind):
    frame = encode_said(made)
    content, *others = frame.attachments
    wrong = [others, (content, content, *others), (content + b"\x00", *others)][kind]
    with pytest.raises(FrameError):
        decode_said(Frame(frame.header, tuple(wrong)))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (GOOD, "unknown order 'stepped'"),
        (Frame({"type": "run", "body": {"plan": {}, "contents": []}}), "missing field 'job' at $.body.plan"),
        (Frame({"type": "cancel", "body": {"job": None}}), "expected str, got null at $.body.job"),
        (Frame({"type": "cancel", "body": {"job": "a"}}, (b"x",)), "expected 0 attachments"),
    ],
)
def test_what_no_server_says_is_the_documented_error(frame, says):
    with pytest.raises(FrameError) as caught:
        decode_order(frame)
    assert says in str(caught.value)


@given(runs())
def test_a_run_has_as_many_attachments_as_it_names(run):
    frame = encode_order(run)
    with pytest.raises(FrameError, match="attachments"):
        decode_order(Frame(frame.header, (*frame.attachments, b"")))
