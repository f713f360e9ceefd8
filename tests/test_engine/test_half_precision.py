"""Half precision paints much the same, and a VAE that cannot calculate in it, as some can not, is found out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from engine_runs import QUICK, SQUARE, planned, run, send, small

from backend.engine import Engine
from backend.families import sd1
from backend.plan import PictureMade


@pytest.fixture
def plan(library):
    return small(planned(library, send(extent=SQUARE, prompt="a red apple", style=QUICK)))


@pytest.fixture
def half(library):
    return Engine(library, device="cpu", dtype="bfloat16")


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
def test_is_decoded_again_in_full_precision_and_stays_there(half, plan, monkeypatch, value):
    seen = spoil(monkeypatch, value, {torch.bfloat16})
    heard = run(half, plan)
    assert heard.layers[0][..., :3].std() > 0.02
    assert not heard.end.notes
    run(half, plan)
    assert seen == [torch.bfloat16, torch.float32, torch.float32]


def test_says_so_when_that_does_not_help(half, plan, monkeypatch):
    seen = spoil(monkeypatch, float("nan"), {torch.bfloat16, torch.float32})
    heard = run(half, plan)
    assert heard.end.failure.code == "broken_picture"
    assert not heard.of(PictureMade)
    assert seen == [torch.bfloat16, torch.float32]


def test_one_pixel_that_is_no_number_is_enough(engine, plan, monkeypatch):
    decode = AutoencoderTiny.decode

    def spoiled(vae, latents, **options):
        rgb = decode(vae, latents, **options)[0].clone()
        rgb[0, 1, 2, 3] = float("nan")
        return (rgb,)

    monkeypatch.setattr(AutoencoderTiny, "decode", spoiled)
    assert run(engine, plan).end.failure.code == "broken_picture"


def test_latents_that_are_no_numbers_are_not_decoded(engine, plan, monkeypatch):
    seen = spoil(monkeypatch, 0.0, set())
    predict = sd1.SD1.predict
    monkeypatch.setattr(sd1.SD1, "predict", lambda *asked: predict(*asked) * float("nan"))
    assert run(engine, plan).end.failure.code == "broken_picture"
    assert not seen


def test_black_in_full_precision_is_what_was_painted(engine, plan, monkeypatch):
    spoil(monkeypatch, -1.5, {torch.float32})
    heard = run(engine, plan)
    assert not heard.layers[0][..., :3].any()
    assert "black" in heard.end.notes[0]


def test_half_precision_paints_much_the_same(engine, library):
    plan = small(planned(library, send(extent=SQUARE, prompt="a red apple")))
    exact, rough = run(engine, plan).layers[0], run(Engine(library, device="cpu", dtype="bfloat16"), plan).layers[0]
    assert 0 < np.abs(exact - rough).mean() < 0.05
