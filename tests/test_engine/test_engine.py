"""A plan and its attachments in, events out: on the embedded model, and on a tiny Stable Diffusion 1.5."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_runs import QUICK, SQUARE, Sent, disc, picture, planned, run, send

from backend.engine import Engine
from backend.engine.preview import LONGEST_SIDE, MOST_PREVIEWS
from backend.families import sd1
from backend.models import STARTER_ID
from backend.pixels import raw
from backend.plan import Finished, PictureMade, PreviewMade, Stepped, Stopped
from backend.prompts import Prompt, Words
from protocol import Extent, Style, content_name


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
        alone = replace(plan, words=(Words(prompt),), seeds=(event.picture.seed,), drawn=())
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
