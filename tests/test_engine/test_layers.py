"""A picture that is taken apart: by a tiny Qwen-Image-Layered, from the canvas in to the layers' pixels out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from backend import fill
from backend.engine import Engine
from backend.engine.decode import decode_layer
from backend.engine.denoise import Sampling, denoise
from backend.engine.failures import CannotPaint
from backend.engine.layers import at_once
from backend.families import qwen
from backend.models import Library
from backend.pixels import layers, raw
from backend.plan import Finished, PictureMade, PreviewMade, Stepped, Stopped, WentWrong, make_plan
from backend.prompts import Prompt
from protocol import Bounds, Extent, Job, Style

SIZE = Extent(64, 48)
PART = Bounds(16, 8, 32, 24)
SMALL = {"native": 64, "least_side": 16, "most_pixels": 64 * 64}


@pytest.fixture(scope="module")
def engine(tiny_qwen_layered):
    return Engine(Library(tiny_qwen_layered.parent), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def facts(tiny_qwen_layered):
    library = Library(tiny_qwen_layered.parent)
    (info,) = [info for info in library.infos() if info.variant == "layered"]
    # as its sidecar could say it: at its own size it would take minutes here
    return replace(library.find(info.id).facts, **SMALL)


def canvas():
    y, x = np.mgrid[0 : SIZE.height, 0 : SIZE.width].astype(np.float32)
    return np.stack([x / SIZE.width, y / SIZE.height, x * 0 + 0.5, x * 0 + 1], axis=2)


def run(engine, facts, stop_after=None, image=None, mask=None, **fields):
    sent, contents = {}, {}
    sent["image"], content = raw.pack(canvas() if image is None else image, "u8")
    contents[sent["image"].content] = content
    if mask is not None:
        sent["mask"], content = raw.to_raster(raw.quantise(mask, "u8"), "gray")
        sent["selection"] = PART
        contents[sent["mask"].content] = content
    words = {"prompt": "a red apple", "layers": 3, "seed": 5, "style": Style(steps=2), "feather": 0, "grow": 0}
    job = Job("0" * 32, SIZE, **{**words, **sent, **fields})
    events = []
    engine.run(make_plan(job, facts), contents, events.append, lambda: bool(stop_after and stop_after(events)))
    return events


def made(events):
    assert isinstance(events[-1], Finished), events[-1]
    return [event for event in events if isinstance(event, PictureMade)]


def pixels(event):
    """The picture as a whole, and its layers, as they were packed."""
    assert event.is_whole
    return [raw.unpack(one, event.contents[one.content]) for one in event.picture.rasters]


def test_a_picture_comes_as_a_whole_and_in_its_layers(engine, facts):
    (event,) = made(run(engine, facts))
    assert event.picture.bounds == Bounds.of(SIZE)
    assert (event.picture.seed, len(event.picture.layers)) == (5, 3)
    seen, *apart = pixels(event)
    assert all(layer.shape == (48, 64, 4) for layer in apart)
    assert len({layer.tobytes() for layer in apart}) == 3
    assert any(layer[..., 3].min() < 255 for layer in apart), "there is transparency"
    whole = apart[0]
    for layer in apart[1:]:
        whole = layers.composite(whole, layer, Bounds.of(SIZE))
    assert np.array_equal(seen, whole)


def test_its_layers_are_those_that_the_model_decodes(engine, facts, tiny_qwen_layered):
    """The same by the adapter alone, without the engine: nothing is lost between its pixels and the painter's."""
    (event,) = made(run(engine, facts, depth="u16"))
    with torch.inference_mode():
        adapter = qwen.load(tiny_qwen_layered, torch.device("cpu"), torch.float32).of_layers(3)
        quantised = raw.to_floats(raw.quantise(canvas(), "u8"))
        picture = torch.from_numpy(quantised[..., :3]).permute(2, 0, 1)[None] * 2 - 1
        told = adapter.encode_text(Prompt.of("a red apple"), Prompt.of(""), [picture])
        beside = adapter.beside(None, None, [picture], SIZE)
        *_, last = denoise(adapter, told, Sampling("flow_euler", 2, 4.0, 1.0, (5,)), SIZE, beside=beside)
        expected = [decode_layer(adapter, latent)[0].permute(1, 2, 0).numpy() for latent in adapter.split(last.latents)]
    for layer, wanted in zip(pixels(event)[1:], expected, strict=True):
        assert np.abs(raw.to_floats(layer) - wanted).max() < 1e-4


@pytest.mark.parametrize("count", [1, 4])
def test_the_number_of_layers_is_the_painters(engine, facts, count):
    (event,) = made(run(engine, facts, layers=count))
    assert len(event.picture.layers) == count


def test_no_layer_reaches_out_of_the_mask(engine, facts):
    mask = np.zeros((48, 64), np.float32)
    mask[8:32, 16:48] = np.linspace(0, 1, 32, dtype=np.float32)
    (event,) = made(run(engine, facts, mask=mask))
    assert event.picture.bounds == PART
    inside = raw.quantise(mask, "u8")[8:32, 16:48]
    for layer in pixels(event):
        assert (layer[..., 3] <= inside).all()
    assert pixels(event)[1][..., 3].any()


def test_depth_order_and_encoding_are_those_asked_for(engine, facts):
    (event,) = made(run(engine, facts, depth="u16", order="bgra", encoding="zlib"))
    assert {(one.depth, one.order, one.encoding) for one in event.picture.rasters} == {("u16", "bgra", "zlib")}


def test_each_picture_of_a_batch_is_the_one_made_alone(engine, facts):
    both = made(run(engine, facts, count=2))
    (second,) = made(run(engine, facts, seed=6))
    assert [event.picture.seed for event in both] == [5, 6]
    assert both[1].contents == second.contents
    assert both[0].layers != both[1].layers


def test_it_is_another_picture_that_gives_other_layers(engine, facts):
    (one,), (other,) = made(run(engine, facts)), made(run(engine, facts, image=canvas()[::-1].copy()))
    assert one.layers != other.layers


def test_previews_show_the_whole_picture(engine, facts):
    events = run(engine, facts, style=Style(steps=4))
    previews = [event for event in events if isinstance(event, PreviewMade)]
    assert [event.step for event in previews] == [1, 2, 3]
    assert {(event.image.width, event.image.height) for event in previews} == {(8, 6)}


def test_it_is_cancelled_between_two_steps(engine, facts):
    def second(events):
        return isinstance(events[-1], Stepped) and events[-1].step == 2

    events = run(engine, facts, second, style=Style(steps=50))
    assert isinstance(events[-1], Stopped)
    assert [event.step for event in events if isinstance(event, Stepped) and event.stage == "painting"] == [1, 2]


def test_it_is_cancelled_between_two_layers(engine, facts):
    def second(events):
        return sum(isinstance(event, Stepped) and event.stage == "decoding" for event in events) == 2

    events = run(engine, facts, second)
    assert isinstance(events[-1], Stopped)
    assert not [event for event in events if isinstance(event, PictureMade)]


def test_a_model_that_turns_out_to_make_none_is_told(tiny_qwen_edit, facts):
    library = Library(tiny_qwen_edit.parent)
    (info,) = [info for info in library.infos() if info.name == tiny_qwen_edit.name]
    events = run(Engine(library, device="cpu"), replace(facts, id=info.id))
    assert isinstance(events[-1], WentWrong)
    assert events[-1].failure.code == "unusable_model"


def test_as_many_fewer_are_painted_at_once_as_each_has_layers(facts):
    def plan(count):
        image, _ = raw.pack(canvas(), "u8")
        return make_plan(Job("0" * 32, SIZE, image=image, layers=count), facts)

    assert [at_once(8, plan(count)) for count in (1, 3, 10)] == [4, 2, 1]


class Half:
    """A VAE that fails in half precision."""

    decodes_in_full = False

    def decode_in_full(self):
        self.decodes_in_full = True

    def decode_layer(self, latents):
        rgba = -torch.ones(1, 4, 8, 8)
        return rgba if self.decodes_in_full else rgba / 0 * 0


def test_a_layer_that_is_no_number_is_decoded_again_in_full():
    adapter = Half()
    assert not decode_layer(adapter, torch.zeros(1, 4, 1, 1)).any()
    assert adapter.decodes_in_full
    with pytest.raises(CannotPaint):
        decode_layer(adapter, torch.full((1, 4, 1, 1), torch.nan))


def test_a_clear_layer_is_no_sign_of_a_broken_one():
    adapter = Half()
    adapter.decode_layer = lambda latents: -torch.ones(1, 4, 8, 8)
    assert not decode_layer(adapter, torch.zeros(1, 4, 1, 1)).any()
    assert not adapter.decodes_in_full


def test_what_is_clear_lends_no_colour_when_a_layer_changes_its_size():
    layer = np.zeros((8, 8, 4), np.float32)
    layer[:, :4] = 1, 0, 0, 1
    # green that nobody sees
    layer[:, 4:] = 0, 1, 0, 0
    large = fill.resize_layer(layer, Extent(32, 32))
    shown = large[..., 3] > 1 / 255
    assert np.abs(large[shown][:, :3] - [1, 0, 0]).max() < 1e-3
    assert not large[large[..., 3] == 0].any()
    assert fill.resize_layer(layer, Extent(8, 8)) is layer


def test_a_model_that_describes_a_picture_is_stopped_between_two_words(engine, facts):
    asked = 0

    def stop(events):
        nonlocal asked
        asked += events[-1] == Stepped("encoding")
        # once by the engine itself, once for what the model sees at first, and then for each word
        return asked == 4

    events = run(engine, facts, stop, prompt="")
    assert events == [Stepped("loading"), Stepped("encoding"), Stopped()]
    assert asked == 4
    asked = -10_000
    made(run(engine, facts, stop, prompt="", layers=1))
    assert asked > -10_000 + 4, "it goes on describing, and nothing stops it"
