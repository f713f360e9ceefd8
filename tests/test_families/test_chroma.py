"""Chroma: what of a prompt its transformer sees."""

from __future__ import annotations

import shutil

import pytest
import torch
from tiny_models.oracle import load_pipeline
from tiny_models.text_encoders import t5_text_encoder
from tiny_models.vaes import kl_vae

from backend.families import chroma
from backend.families.adapter import Adapter, Load, UnusableModel
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
TOKENS = 9
"""Of "a house": its letters, a space before each word, and the end."""


@pytest.fixture(scope="module")
def adapter(tiny_chroma):
    return chroma.load(tiny_chroma, CPU, torch.float32)


@pytest.fixture
def copied(tiny_chroma, tmp_path):
    """Its files, for changing."""
    return shutil.copytree(tiny_chroma, tmp_path / "model")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def problem_of(folder):
    with pytest.raises(UnusableModel) as refused:
        chroma.load(folder, CPU, torch.float32)
    return str(refused.value)


def test_it_is_an_adapter(adapter):
    load: Load = chroma.load
    kept: Adapter = adapter
    assert callable(load)
    assert kept.latent_shape(Extent(64, 48)) == (1, 16, 6, 8)


def test_the_transformer_sees_the_prompt_and_one_token_of_padding(adapter, tiny_chroma):
    pipeline = load_pipeline(tiny_chroma)
    theirs = pipeline.encode_prompt("a house", device="cpu", do_classifier_free_guidance=False)[0]
    ours = adapter.encode_text(Prompt.of("a house"), Prompt()).hidden
    assert [row.shape[1] for row in ours] == [2, TOKENS + 1]
    assert torch.equal(ours[1], theirs[:, : TOKENS + 1])


def test_a_prompt_that_fills_all_places_has_no_padding(adapter):
    text = adapter.encode_text(Prompt.of("x" * 600), None)
    assert text.hidden[0].shape[1] == 512
    assert text.unread.strip() == "x" * 90
    assert adapter.encode_text(Prompt.of("x" * 510), None).unread == ""


def test_each_prompt_is_asked_about_alone(adapter):
    """A long negative prompt changes nothing in what the short prompt says."""
    latents = torch.randn(2, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    alone = adapter.encode_text(Prompt.of("a house"), None)
    beside = adapter.encode_text(Prompt.of("a house"), Prompt.of("x" * 200))
    away, towards = adapter.predict(latents.repeat(2, 1, 1, 1), torch.tensor(500.0), beside, 3.0).chunk(2)
    assert torch.allclose(towards, adapter.predict(latents, torch.tensor(500.0), alone, 3.0), atol=1e-5)
    assert not torch.allclose(towards, away, atol=1e-4)


def test_parts_of_other_models_are_refused(copied):
    shutil.rmtree(copied / "text_encoder")
    t5_text_encoder(64).save_pretrained(copied / "text_encoder")
    assert "writes 64 numbers a word, its denoiser reads 32" in problem_of(copied)
    shutil.rmtree(copied / "vae")
    kl_vae().save_pretrained(copied / "vae")
    assert "VAE" in problem_of(copied)
