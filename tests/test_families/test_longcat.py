"""LongCat-Image, for what the comparison with diffusers' pipelines does not show."""

from __future__ import annotations

import importlib
import json
import shutil

import pytest
import torch
from diffusers.pipelines.longcat_image.pipeline_longcat_image import split_quotation
from parity.case import smaller
from tiny_models.text_encoders import qwen25vl_text_encoder
from tiny_models.vaes import kl_vae

from backend.families import longcat
from backend.families.adapter import UnusableModel
from backend.families.longcat import split_quoted
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
READ = 512
"""Tokens, of which the tiny vocabulary has one a letter."""


def load(folder):
    return longcat.load(folder, CPU, torch.float32)


@pytest.fixture(scope="module")
def base(tiny_longcat):
    return load(tiny_longcat)


@pytest.fixture(scope="module")
def edit(tiny_longcat_edit):
    return load(tiny_longcat_edit)


@pytest.fixture
def copied(tiny_longcat_edit, tmp_path):
    return shutil.copytree(tiny_longcat_edit, tmp_path / "model")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


@pytest.fixture
def small(monkeypatch):
    """A picture to edit is brought to a 256th of a megapixel."""
    module = importlib.import_module("diffusers.pipelines.longcat_image.pipeline_longcat_image_edit")
    monkeypatch.setattr(module, "calculate_dimensions", smaller(module.calculate_dimensions))


def picture(width, height):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(
    "prompt",
    [
        "a cat",
        "a sign that says 'open' and \"shut\"",
        "\u201cgood\u201d, \u2018better\u2019",
        "the painter's cat",
        "'it's open'",
        "'open",
        "''",
        "",
    ],
)
def test_what_is_quoted_goes_letter_by_letter_as_in_diffusers(prompt):
    theirs = []
    for part, quoted in split_quotation(prompt):
        theirs += list(part) if quoted else [part]
    assert split_quoted(prompt) == theirs


def test_words_with_apostrophes_are_not_lost():
    """diffusers mixes up several of them, differently each time it runs."""
    prompt = "it's a cat that doesn't say 'hello'"
    assert "".join(split_quoted(prompt)) == prompt
    assert split_quoted(prompt) == ["it's a cat that doesn't say ", *"'hello'"]


def test_latents_are_an_eighth_on_each_side(base):
    assert base.latent_shape(Extent(64, 48)) == (1, 16, 6, 8)
    with pytest.raises(ValueError, match="multiple of 16"):
        base.latent_shape(Extent(64, 40))


def test_only_the_one_that_edits_takes_a_picture(base, edit):
    assert (base.references, edit.references) == (0, 1)
    assert base.classifier_free
    assert edit.classifier_free
    assert edit.beside(None, None, [], Extent(64, 64)) is None
    assert edit.encode_text(Prompt.of("a cat"), None).hidden.shape[1] == READ


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("shown", [[], [picture(64, 64)]], ids=["words", "picture"])
def test_what_is_unread_does_not_count_and_the_rest_does(edit, shown):
    """The letters within the quotes are read like the others; diffusers breaks down over so many."""
    words = "a 'sign' " + "".join(chr(97 + number % 26) for number in range(READ))
    text = edit.encode_text(Prompt.of(words), None, shown)
    read = words.removesuffix(text.unread)
    assert len(read) == READ
    assert torch.equal(text.hidden, edit.encode_text(Prompt.of(read), None, shown).hidden)
    assert not torch.equal(text.hidden, edit.encode_text(Prompt.of(read[:-1] + "?"), None, shown).hidden)
    assert edit.encode_text(Prompt.of(read), None, shown).unread == ""


def test_padding_is_read_by_the_denoiser_and_has_one_place(base):
    """As in transformers 4, with which the model was trained: it does not count on."""
    hidden = base.encode_text(Prompt.of("a cat"), None).hidden[0]
    assert len(hidden) == READ
    assert torch.allclose(hidden[len("a cat")], hidden[-1], atol=1e-6)


@pytest.mark.usefixtures("small")
def test_a_picture_comes_in_the_size_of_the_painting(edit):
    beside = edit.beside(None, None, [picture(50, 70)], Extent(64, 96))
    assert beside.references[0].shape == (1, 16, 12, 8)


def test_no_token_is_longer_for_being_guided(base):
    shape = (1, 16, 4, 4)
    away, towards = (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    guided = base.guide(away, towards, 6.0, 0.0)
    for row, column in ((0, 0), (2, 0), (2, 2)):
        token = (..., slice(row, row + 2), slice(column, column + 2))
        assert guided[token].norm() <= towards[token].norm() * 1.0001
    near = base.guide(towards * 0.99, towards * 0.5, 1.5, 0.0)
    assert torch.allclose(near, towards * 0.255, atol=1e-5)


def test_a_denoiser_of_another_text_encoder_is_refused(copied):
    qwen25vl_text_encoder(32).save_pretrained(copied / "text_encoder")
    with pytest.raises(UnusableModel, match="text encoder writes 32"):
        load(copied)


def test_a_denoiser_of_another_vae_is_refused(copied):
    shutil.rmtree(copied / "vae")
    kl_vae(4).save_pretrained(copied / "vae")
    with pytest.raises(UnusableModel, match="latents of 4 channels"):
        load(copied)


def test_a_damaged_processor_is_named(copied):
    (copied / "text_processor" / "preprocessor_config.json").write_text("[]")
    with pytest.raises(UnusableModel, match=r"text_processor/preprocessor_config\.json"):
        load(copied)


def test_what_a_model_is_for_is_read_off_its_index(copied):
    index = copied / "model_index.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": "LongCatImagePipeline"}))
    assert load(copied).references == 0
