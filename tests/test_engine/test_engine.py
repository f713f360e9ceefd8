"""A plan and its attachments in, events out: on the embedded model, and on a tiny Stable Diffusion 1.5."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import weakref
from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny

from backend.engine import Engine
from backend.engine.accelerator import best_device, describe
from backend.engine.failures import is_out_of_memory
from backend.engine.preview import LONGEST_SIDE, MOST_PREVIEWS
from backend.families import sd1
from backend.models import STARTER_ID, Library
from backend.pixels import raw
from backend.plan import Finished, PictureMade, PreviewMade, Stepped, Stopped, WentWrong, make_plan
from backend.prompts import Prompt, Words
from protocol import Bounds, DeviceInfo, Extent, Job, Style, content_name

JOB = "0" * 32
SQUARE = Extent(128, 128)


@pytest.fixture(scope="module")
def library(tiny_sd15):
    return Library(tiny_sd15.parent)


@pytest.fixture(scope="module")
def engine(library):
    return Engine(library, device="cpu")


@dataclass
class Heard:
    """Every event of a run, sorted."""

    events: list

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def end(self):
        ends = self.of((Finished, Stopped, WentWrong))
        assert len(ends) == 1, "exactly one end"
        assert self.events[-1] is ends[0], "nothing after the end"
        return ends[0]

    @property
    def layers(self):
        """The pictures as floats [h, w, 4], red first."""
        assert isinstance(self.end, Finished), self.end
        made = self.of(PictureMade)
        assert [event.index for event in made] == list(range(len(made)))
        assert all(content_name(event.content) == event.picture.image.content for event in made)
        return [
            raw.to_rgba(raw.unpack(event.picture.image, event.content), event.picture.image.order) for event in made
        ]


def run(engine, plan, contents=None, stop_after=None):
    """Run a plan; `stop_after` says of the events so far whether the painter cancels."""
    heard = Heard([])
    engine.run(plan, contents or {}, heard.events.append, lambda: stop_after is not None and stop_after(heard.events))
    assert heard.end
    return heard


@dataclass(frozen=True)
class Sent:
    """A job's attachments."""

    job: Job
    contents: dict[str, bytes]


def send(image=None, mask=None, selection=None, **values) -> Sent:
    """A job on these pixels: an image [h, w, 4] of floats, a mask [h, w] of floats."""
    contents = {}
    extent = values.pop("extent", None) or Extent(image.shape[1], image.shape[0])
    if image is not None:
        values["image"], content = raw.pack(image, "u8")
        contents[values["image"].content] = content
    if mask is not None:
        values["mask"], content = raw.to_raster(raw.quantise(mask, "u8"), "gray")
        contents[values["mask"].content] = content
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        values["selection"] = selection or Bounds(
            int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
        )
    return Sent(Job(JOB, extent, **values), contents)


def planned(library, sent, model=STARTER_ID):
    return make_plan(sent.job, library.find(model).facts)


def small(plan):
    """The same at a quarter of the work: many processors are slow in half precision."""
    return replace(plan, size=Extent(64, 64), steps=1, guidance=1.0, previews=False)


def picture(extent=SQUARE):
    """A smooth picture in all colours, opaque."""
    y, x = np.meshgrid(np.linspace(0, 1, extent.height), np.linspace(0, 1, extent.width), indexing="ij")
    return np.stack([x, y, 1 - x * y, np.ones_like(x)], axis=-1).astype(np.float32)


def disc(extent=SQUARE, radius=30):
    y, x = np.mgrid[: extent.height, : extent.width]
    return (np.hypot(x - extent.width / 2, y - extent.height / 2) < radius).astype(np.float32)


QUICK = Style(steps=4)


def test_a_new_picture_is_diffusers_own(engine, library, starter):
    plan = planned(library, send(extent=SQUARE, prompt="a red apple", seed=21, depth="u16", style=Style(steps=6)))
    (layer,) = run(engine, plan).layers
    theirs = starter.pipeline(
        plan.words_of(0).prompt.text,
        negative_prompt=plan.words_of(0).negative.text,
        width=plan.size.width,
        height=plan.size.height,
        num_inference_steps=6,
        guidance_scale=plan.guidance,
        generator=torch.Generator("cpu").manual_seed(21),
        output_type="np",
    ).images[0]
    assert plan.size == plan.extent, "no resizing, so that there is nothing to differ"
    assert np.abs(layer[..., :3] - theirs).max() <= 1e-4
    assert (layer[..., 3] == 1).all()


def test_the_tiny_stable_diffusion_paints_too(engine, library):
    tiny = next(info.id for info in library.infos() if info.id != STARTER_ID)
    plan = planned(library, send(extent=SQUARE, prompt="a house", style=Style(model=tiny, steps=2)), tiny)
    heard = run(engine, plan)
    assert heard.layers[0].shape == (128, 128, 4)
    assert heard.of(PreviewMade)


def test_each_picture_of_a_batch_is_the_one_made_alone(engine, library):
    sent = send(picture(), disc(), prompt="a star", seed=5, count=3, strength=0.8, style=QUICK)
    batch = run(engine, planned(library, sent), sent.contents)
    assert [event.picture.seed for event in batch.of(PictureMade)] == [5, 6, 7]
    for event in batch.of(PictureMade):
        alone = replace(sent.job, count=1, seed=event.picture.seed)
        (made,) = run(engine, planned(library, Sent(alone, {})), sent.contents).of(PictureMade)
        assert made.content == event.content
    assert len({event.content for event in batch.of(PictureMade)}) == 3


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_a_fill_shows_inside_the_mask_only(engine, library, strength):
    extent = Extent(200, 160)
    image, mask = picture(extent), disc(extent, 25)
    sent = send(image, mask, prompt="a red apple", strength=strength, style=QUICK)
    heard = run(engine, planned(library, sent), sent.contents)
    (made,), (layer,) = heard.of(PictureMade), heard.layers
    assert made.picture.bounds == sent.job.selection
    part = made.picture.bounds
    alpha, inside = layer[..., 3], mask[part.y : part.bottom, part.x : part.right]
    assert (alpha <= inside).all()
    assert (alpha == 1).any()
    changed = np.abs(layer[..., :3] - image[part.y : part.bottom, part.x : part.right, :3])[alpha == 1]
    assert changed.mean() > 0.02


def test_surroundings_come_through_a_fill_nearly_unchanged(engine, library):
    """Painted with a black-but-for-a-dot mask, the crop far from the dot is the VAE's round trip of the original."""
    image, mask = picture(), np.zeros((128, 128), np.float32)
    mask[0, 0] = mask[-1, -1] = 1
    sent = send(image, mask, prompt="a car", grow=0, feather=0, style=QUICK)
    (layer,) = run(engine, planned(library, sent), sent.contents).layers
    assert layer.shape == (128, 128, 4)
    assert np.abs(layer[16:-16, 16:-16, :3] - image[16:-16, 16:-16, :3]).mean() < 0.05


def test_depth_and_order_are_those_asked_for(engine, library):
    base = run(engine, planned(library, send(extent=SQUARE, prompt="a cat", style=QUICK))).layers[0]
    sent = send(extent=SQUARE, prompt="a cat", style=QUICK, depth="u16", order="bgra", encoding="zlib")
    heard = run(engine, planned(library, sent))
    raster = heard.of(PictureMade)[0].picture.image
    assert (raster.depth, raster.order, raster.encoding) == ("u16", "bgra", "zlib")
    assert np.abs(heard.layers[0] - base).max() <= 1 / 255


def test_transparent_parts_of_the_canvas_are_painted_on_too(engine, library):
    image = picture()
    image[:, 64:] = np.nan_to_num(0)
    sent = send(image, disc(), prompt="a star", style=QUICK)
    (layer,) = run(engine, planned(library, sent), sent.contents).layers
    assert (layer[..., 3] == 1).any()


def test_stages_come_in_order_and_every_step_is_told(engine, library):
    sent = send(picture(), disc(), prompt="a star", count=2, strength=0.5, style=Style(steps=6))
    steps = run(engine, planned(library, sent), sent.contents).of(Stepped)
    assert steps == [
        Stepped("loading"),
        Stepped("encoding"),
        *(
            event
            for number in range(2)
            for event in (*(Stepped("painting", number, step, 3) for step in (1, 2, 3)), Stepped("decoding", number))
        ),
    ]


@pytest.mark.parametrize("wanted", [Stepped("loading"), Stepped("encoding"), Stepped("painting", 1, 2, 4)])
def test_cancelled_within_one_step(engine, library, wanted):
    plan = replace(planned(library, send(extent=SQUARE, prompt="a cat", count=3, style=QUICK)), previews=False)
    heard = run(engine, plan, stop_after=lambda events: wanted in events)
    assert heard.events[-2:] == [wanted, Stopped()]


def test_previews_are_small_few_and_look_like_the_picture(engine, library):
    plan = planned(library, send(extent=SQUARE, prompt="a red apple", style=Style(steps=16)))
    heard = run(engine, plan)
    previews = heard.of(PreviewMade)
    assert 2 <= len(previews) <= MOST_PREVIEWS
    assert all(event.image.extent.longest <= LONGEST_SIDE for event in previews)
    assert all(content_name(event.content) == event.image.content for event in previews)
    last = raw.to_rgba(raw.unpack(previews[-1].image, previews[-1].content), "rgb")[..., :3]
    final = heard.layers[0][..., :3].reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(last - final).mean() < 0.05
    assert not run(engine, replace(plan, previews=False)).of(PreviewMade)


def test_a_preview_shows_the_result_alone(engine, library):
    sent = send(picture(), disc(radius=20), prompt="a star", style=QUICK)
    plan = planned(library, sent)
    preview = run(engine, plan, sent.contents).of(PreviewMade)[0]
    shown = plan.result.width * plan.size.width / plan.crop.width / 4
    assert shown <= preview.image.width <= shown + 2


def test_the_end_of_a_long_prompt_is_not_dropped_in_silence(engine, library):
    long = "a red apple " + "and a sun " * 1900 + "and a whale"
    heard = run(engine, planned(library, send(extent=SQUARE, prompt=long, style=QUICK)))
    (note,) = heard.end.notes
    assert "a sun and a sun" in note
    assert "a red apple" not in note


def test_a_prompt_longer_than_the_text_encoder_is_read_to_its_end(engine, library):
    def layer(prompt):
        heard = run(engine, planned(library, send(extent=SQUARE, prompt=prompt, style=QUICK)))
        assert heard.end == Finished()
        return heard.layers[0]

    long = "a red apple " + "and a sun " * 12
    assert not np.array_equal(layer(long + "and a whale"), layer(long + "and a star"))


def test_weights_clip_skip_and_rescale_reach_the_picture(engine, library):
    def layer(prompt="a red apple", **style):
        sent = send(extent=SQUARE, prompt=prompt, style=Style(steps=4, **style))
        return run(engine, planned(library, sent)).layers[0]

    plain = layer()
    assert np.array_equal(layer("(a red apple:1.0)", clip_skip=1, rescale=0.0), plain)
    for other in (layer("a (red:1.5) apple"), layer(clip_skip=2), layer(rescale=0.7)):
        assert not np.array_equal(other, plain)


def test_pictures_with_words_of_their_own_are_the_ones_made_alone(engine, library):
    """Three of four are told the same: those that follow each other are painted at once where there is room."""
    plan = planned(library, send(extent=SQUARE, prompt="{a cat|a dog|a red star}", seed=3, count=4, style=QUICK))
    assert len(set(plan.words)) > 1
    batch = run(engine, plan)
    for event in batch.of(PictureMade):
        prompt = plan.words_of(event.index).prompt
        alone = replace(plan, words=(Words(prompt),), seeds=(event.picture.seed,))
        (same,) = run(engine, alone).of(PictureMade)
        assert same.content == event.content
        assert "{" not in prompt.text


def test_models_and_texts_are_kept(library, monkeypatch):
    loaded, encoded = [], []
    load, encode_text = sd1.load, sd1.SD1.encode_text
    monkeypatch.setattr(sd1, "load", lambda *place: loaded.append(place) or load(*place))
    monkeypatch.setattr(sd1.SD1, "encode_text", lambda *texts: encoded.append(texts[1:]) or encode_text(*texts))
    engine = Engine(library, device="cpu")
    plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(steps=1)))
    one, two = run(engine, plan), run(engine, plan)
    assert one.of(PictureMade) == two.of(PictureMade)
    assert (len(loaded), encoded) == (1, [(Prompt.of("a cat"), Prompt())])
    run(engine, replace(plan, guidance=1.0))
    assert encoded[1:] == [(Prompt.of("a cat"), None)]


class TestFailures:
    def test_empty_mask(self, engine, library):
        sent = send(picture(), disc(), prompt="a star", style=QUICK)
        empty = {name: bytes(len(content)) for name, content in sent.contents.items()}
        assert run(engine, planned(library, sent), empty).end.failure.code == "empty_mask"

    def test_mask_outside_its_selection(self, engine, library):
        sent = send(picture(), disc(), selection=Bounds(60, 60, 5, 5), prompt="a star", style=QUICK)
        assert run(engine, planned(library, sent), sent.contents).end.failure.code == "bad_mask"

    def test_one_masked_pixel_is_enough(self, engine, library):
        mask = np.zeros((128, 128), np.float32)
        mask[40, 50] = 1
        sent = send(picture(), mask, prompt="a star", style=QUICK)
        heard = run(engine, planned(library, sent), sent.contents)
        assert heard.layers[0].shape == (1, 1, 4)
        assert heard.layers[0][0, 0, 3] == 1

    def test_pixels_that_are_too_few(self, engine, library):
        sent = send(picture(), disc(), prompt="a star", style=QUICK)
        cut = {name: content[:-1] for name, content in sent.contents.items()}
        assert run(engine, planned(library, sent), cut).end.failure.code == "bad_pixels"

    @pytest.mark.parametrize("what", ["image", "mask"])
    def test_pixels_that_are_no_numbers(self, engine, library, what):
        pixels = {"image": picture(), "mask": disc()[..., None]}
        pixels[what][64, 64] = np.nan
        image, image_content = raw.to_raster(pixels["image"], "rgba")
        mask, mask_content = raw.to_raster(pixels["mask"], "gray")
        job = Job(JOB, SQUARE, image=image, mask=mask, selection=Bounds.of(SQUARE), style=QUICK)
        contents = {image.content: image_content, mask.content: mask_content}
        failure = run(engine, planned(library, Sent(job, {})), contents).end.failure
        assert (failure.code, "NaN" in failure.happened) == ("bad_pixels", True)

    def test_model_that_is_gone(self, engine, library):
        plan = planned(library, send(extent=SQUARE, prompt="a cat"))
        assert run(engine, replace(plan, model="../etc/passwd")).end.failure.code == "unknown_model"

    def test_embedded_model_that_was_changed(self, library, starter_model, tmp_path):
        changed = tmp_path / "weights"
        changed.mkdir()
        for file in starter_model.rglob("*"):
            target = changed / file.relative_to(starter_model)
            if file.is_dir():
                target.mkdir()
            else:
                target.write_bytes(file.read_bytes())
        config = changed / "scheduler" / "scheduler_config.json"
        config.write_text(config.read_text() + "\n")
        plan = planned(library, send(extent=SQUARE, prompt="a cat"))
        heard = run(Engine(Library(tmp_path / "none", changed), device="cpu"), plan)
        assert heard.end.failure.code == "damaged_model"

    def test_sampler_that_does_not_exist(self, engine, library):
        plan = planned(library, send(extent=SQUARE, prompt="a cat"))
        assert run(engine, replace(plan, sampler="magic")).end.failure.code == "unknown_sampler"

    def test_more_layers_skipped_than_there_are(self, engine, library):
        plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(clip_skip=12)))
        failure = run(engine, plan).end.failure
        assert failure.code == "no_such_layer"
        assert "3 layers" in failure.happened
        assert "clip skip" in failure.remedy

    @pytest.mark.parametrize(
        "error",
        [
            torch.OutOfMemoryError("CUDA out of memory."),
            MemoryError(),
            RuntimeError("[enforce fail at alloc_cpu.cpp:130] . DefaultCPUAllocator: can't allocate memory"),
        ],
        ids=["device", "python", "processor"],
    )
    def test_out_of_memory_is_said_and_survived(self, library, monkeypatch, error):
        adapters = []
        load = sd1.load
        monkeypatch.setattr(sd1, "load", lambda *place: adapters.append(load(*place)) or adapters[-1])
        engine = Engine(library, device="cpu")
        plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(steps=1)))

        def predict(*_):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(sd1.SD1, "predict", predict)
            assert run(engine, plan).end.failure.code == "out_of_memory"
        freed = weakref.ref(adapters.pop())
        error.__traceback__ = None  # this test's own hold on the failed frames
        gc.collect()
        assert freed() is None, "the model's memory is free again"
        assert isinstance(run(engine, plan).end, Finished)

    def test_the_processors_own_words_for_it_are_known(self):
        with pytest.raises(RuntimeError) as raised:
            torch.empty(1 << 60, dtype=torch.uint8)
        assert is_out_of_memory(raised.value)

    def test_what_nobody_foresaw_is_logged(self, engine, library, monkeypatch, caplog):
        plan = planned(library, send(extent=SQUARE, prompt="a cat", style=QUICK))

        def predict(*_):
            raise ZeroDivisionError("no such thing\nsecond line \ud800")

        monkeypatch.setattr(sd1.SD1, "predict", predict)
        with caplog.at_level(logging.ERROR, "scumble.engine"):
            failure = run(engine, plan).end.failure
        assert failure.code == "internal"
        assert "ZeroDivisionError: no such thing" in failure.happened
        assert "second line" not in failure.happened
        assert "Traceback" in caplog.text


class TestBrokenPictures:
    """A VAE that cannot calculate in half precision, as some can not."""

    @pytest.fixture
    def plan(self, library):
        return small(planned(library, send(extent=SQUARE, prompt="a red apple", style=QUICK)))

    @pytest.fixture
    def half(self, library):
        return Engine(library, device="cpu", dtype="bfloat16")

    @staticmethod
    def spoil(monkeypatch, value, dtypes):
        decode = AutoencoderTiny.decode
        seen = []

        def spoiled(vae, latents, **options):
            seen.append(vae.dtype)
            (rgb,) = decode(vae, latents, **options)
            return (torch.full_like(rgb, value) if vae.dtype in dtypes else rgb,)

        monkeypatch.setattr(AutoencoderTiny, "decode", spoiled)
        return seen

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.5], ids=["nan", "infinite", "black"])
    def test_is_decoded_again_in_full_precision_and_stays_there(self, half, plan, monkeypatch, value):
        seen = self.spoil(monkeypatch, value, {torch.bfloat16})
        heard = run(half, plan)
        assert heard.layers[0][..., :3].std() > 0.02
        assert not heard.end.notes
        run(half, plan)
        assert seen == [torch.bfloat16, torch.float32, torch.float32]

    def test_says_so_when_that_does_not_help(self, half, plan, monkeypatch):
        seen = self.spoil(monkeypatch, float("nan"), {torch.bfloat16, torch.float32})
        heard = run(half, plan)
        assert heard.end.failure.code == "broken_picture"
        assert not heard.of(PictureMade)
        assert seen == [torch.bfloat16, torch.float32]

    def test_one_pixel_that_is_no_number_is_enough(self, engine, plan, monkeypatch):
        decode = AutoencoderTiny.decode

        def spoiled(vae, latents, **options):
            rgb = decode(vae, latents, **options)[0].clone()
            rgb[0, 1, 2, 3] = float("nan")
            return (rgb,)

        monkeypatch.setattr(AutoencoderTiny, "decode", spoiled)
        assert run(engine, plan).end.failure.code == "broken_picture"

    def test_latents_that_are_no_numbers_are_not_decoded(self, engine, plan, monkeypatch):
        seen = self.spoil(monkeypatch, 0.0, set())
        predict = sd1.SD1.predict
        monkeypatch.setattr(sd1.SD1, "predict", lambda *asked: predict(*asked) * float("nan"))
        assert run(engine, plan).end.failure.code == "broken_picture"
        assert not seen

    def test_black_in_full_precision_is_what_was_painted(self, engine, plan, monkeypatch):
        self.spoil(monkeypatch, -1.5, {torch.float32})
        heard = run(engine, plan)
        assert not heard.layers[0][..., :3].any()
        assert "black" in heard.end.notes[0]


def test_half_precision_paints_much_the_same(engine, library):
    plan = small(planned(library, send(extent=SQUARE, prompt="a red apple")))
    exact, rough = run(engine, plan).layers[0], run(Engine(library, device="cpu", dtype="bfloat16"), plan).layers[0]
    assert 0 < np.abs(exact - rough).mean() < 0.05


def test_says_what_it_runs_on(engine):
    assert engine.device.kind == "cpu"
    assert engine.device.memory > 1 << 28
    assert engine.device.name


def test_the_device_can_be_asked_for_from_outside():
    command = [sys.executable, "-m", "backend.engine.device"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    found = DeviceInfo(**json.loads(said.stdout))
    assert asdict(found) == asdict(describe(best_device()))
