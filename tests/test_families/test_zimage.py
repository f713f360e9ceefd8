from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from parity.case import load_both
from parity.cases import CASES
from parity.measures import distance, ours, sampled, theirs
from safetensors.torch import load_file, save_file

from backend.families import zimage
from backend.families.adapter import UnusableModel
from backend.models.detect import detect
from backend.models.folder import ModelFolder
from backend.prompts import Prompt

CPU = torch.device("cpu")
A_HOUSE = Prompt.of("a house")
BEFORE = len("user\n") + 1
"""Tokens of the message before the prompt."""


@pytest.fixture(scope="module")
def adapter(tiny_zimage):
    return zimage.load(tiny_zimage, CPU, torch.float32)


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_guided_text_has_the_negative_prompt_first(adapter):
    with torch.inference_mode():
        alone = adapter.encode_text(A_HOUSE, None)
        guided = adapter.encode_text(A_HOUSE, Prompt.of("rain"))
        away = adapter.encode_text(Prompt.of("rain"), None)
    assert alone.rows == len(alone.hidden) == 1
    assert guided.rows == len(guided.hidden) == 2
    # in one go or alone, they are read with the same padding, but not always by the same kernels
    torch.testing.assert_close(guided.hidden[0], away.hidden[0])
    torch.testing.assert_close(guided.hidden[1], alone.hidden[0])


def test_says_which_end_of_a_prompt_was_not_read(adapter):
    room = zimage.TEXT_TOKENS - BEFORE
    with torch.inference_mode():
        assert adapter.encode_text(Prompt.of("x" * room), None).unread == ""
        assert adapter.encode_text(Prompt.of("x" * room + "yz"), None).unread == "yz"


def test_guides_from_the_prompt_on(adapter):
    away, towards = torch.zeros(1, 16, 4, 4), torch.ones(1, 16, 4, 4)
    assert torch.equal(adapter.guide(away, towards, 4.0, 0.0), torch.full_like(away, 5.0))


def test_rescaling_shortens_each_picture_to_what_was_predicted_for_the_prompt(adapter):
    towards = torch.stack([torch.ones(16, 4, 4), torch.full((16, 4, 4), 2.0)])
    away = torch.zeros_like(towards)
    assert torch.allclose(adapter.guide(away, towards, 4.0, 1.0), towards)
    assert torch.allclose(adapter.guide(away, towards, 4.0, 0.5), 3 * towards)


def test_rescaling_lengthens_nothing(adapter):
    towards = torch.ones(1, 16, 4, 4)
    assert torch.allclose(adapter.guide(1.1 * towards, towards, 4.0, 1.0), 0.6 * towards)


def test_fully_rescaled_it_is_diffusers_normalisation(tiny_zimage):
    case = next(case for case in CASES if case.adapter == "zimage")
    both = load_both(case, tiny_zimage)
    with torch.inference_mode():
        sampling = replace(sampled(both), guidance=9.0, rescale=1.0)
        normalised = theirs(both, both.pipeline, sampling, cfg_normalization=True)
        plain = theirs(both, both.pipeline, sampling)
        mine = ours(both, sampling)
    assert distance(mine, normalised) <= 1e-4
    assert distance(plain, normalised) > 1e-3


def test_it_takes_no_guidance_up_to_one_in_a_single_question(adapter):
    with torch.inference_mode():
        text = adapter.encode_text(A_HOUSE, None)
        latents = torch.ones(1, 16, 4, 4)
        one, other = (adapter.predict(latents, torch.tensor(500.0), text, scale) for scale in (0.0, 1.0))
    assert torch.equal(one, other)


def test_a_text_encoder_that_was_saved_with_its_head_reads_the_same(adapter, tiny_zimage, tmp_path):
    folder = shutil.copytree(tiny_zimage, tmp_path / "model")
    file = folder / "text_encoder" / "model.safetensors"
    weights = {f"model.{name}": tensor for name, tensor in load_file(file).items()}
    weights["lm_head.weight"] = torch.zeros_like(weights["model.embed_tokens.weight"])
    save_file(weights, file, {"format": "pt"})
    with torch.inference_mode():
        read = zimage.load(folder, CPU, torch.float32).encode_text(A_HOUSE, None)
        assert torch.equal(read.hidden[0], adapter.encode_text(A_HOUSE, None).hidden[0])


@pytest.mark.parametrize(
    ("part", "values", "word"),
    [
        ("transformer", {"siglip_feat_dim": 8}, "does not know"),
        ("transformer", {"all_patch_size": [4]}, "does not know"),
        ("transformer", {"cap_feat_dim": 24}, "text encoder"),
    ],
)
def test_a_denoiser_of_another_model_is_refused(tiny_zimage, tmp_path, monkeypatch, part, values, word):
    folder = shutil.copytree(tiny_zimage, tmp_path / "model")
    change(folder / part / "config.json", **values)
    # made of the changed configuration alone: weights of its shapes
    monkeypatch.setattr(
        zimage, "load_model", lambda cls, where, dtype: cls.from_config(cls.load_config(where)).to(dtype)
    )
    with pytest.raises(UnusableModel, match=word):
        zimage.load(folder, CPU, torch.float32)


def test_a_vae_of_another_model_is_refused(tiny_zimage, tiny_sd15, tmp_path):
    folder = shutil.copytree(tiny_zimage, tmp_path / "model")
    shutil.rmtree(folder / "vae")
    shutil.copytree(tiny_sd15 / "vae", folder / "vae")
    with pytest.raises(UnusableModel, match="VAE makes latents of 4 channels, its denoiser takes 16"):
        zimage.load(folder, CPU, torch.float32)


@pytest.mark.parametrize("across", [False, True])
def test_paints_just_as_far_as_the_facts_let_it(adapter, tiny_zimage, across):
    """Past the last place it would fail; the plan never goes there, see `ModelFacts.most_side`."""
    facts = detect(ModelFolder(tiny_zimage, tiny_zimage), "id", "Title")
    side = facts.most_side // adapter.latent_scale

    def ask(long):
        latents = torch.zeros(1, 16, *((2, long) if across else (long, 2)))
        with torch.inference_mode():
            return adapter.predict(latents, torch.tensor(500.0), adapter.encode_text(A_HOUSE, None), 1.0)

    assert bool(torch.isfinite(ask(side)).all())
    with pytest.raises(IndexError):
        ask(side + 2)
