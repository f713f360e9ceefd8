"""Stable Diffusion 3.x: with T5 and without, as far as it has places, and held against diffusers' way of filling."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from parity.case import load_both
from parity.cases import CASES
from parity.measures import as_given, our_latents, sampled, theirs
from tiny_models.text_encoders import clip_text_projection, t5_text_encoder
from tiny_models.vaes import kl_vae

from backend.families import sd3
from backend.families.adapter import Adapter, Load, UnusableModel
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
A_HOUSE = Prompt.of("a house")
MEDIUM = next(case for case in CASES if case.tiny == "sd3")


@pytest.fixture(scope="module")
def adapter(tiny_sd3):
    return sd3.load(tiny_sd3, CPU, torch.float32)


@pytest.fixture
def copied(tiny_sd3, tmp_path):
    """Its files, for changing."""
    return shutil.copytree(tiny_sd3, tmp_path / "model")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def problem_of(folder):
    with pytest.raises(UnusableModel) as refused:
        sd3.load(folder, CPU, torch.float32)
    return str(refused.value)


def test_it_is_an_adapter(adapter):
    load: Load = sd3.load
    kept: Adapter = adapter
    assert callable(load)
    assert kept.latent_shape(Extent(64, 48)) == (1, 16, 6, 8)


def test_pictures_are_as_large_as_it_has_places_for(adapter):
    """The tiny one has 96 on a side, of 16 pixels each."""
    assert adapter.latent_shape(Extent(1536, 32))[-1] == 192
    with pytest.raises(ValueError, match="more than 1536"):
        adapter.latent_shape(Extent(32, 1552))


def test_what_no_encoder_has_room_for_is_told(adapter, tiny_sd3_large):
    """T5 reads 256 tokens here with its end, and a space before the first word; CLIP 77 with its start and its end."""
    assert adapter.encode_text(Prompt.of("x" * 254), None).unread == ""
    assert adapter.encode_text(Prompt.of("x" * 254 + " yz"), None).unread.strip() == "yz"
    without = sd3.load(tiny_sd3_large, CPU, torch.float32)
    assert without.encode_text(Prompt.of("x" * 75), None).unread == ""
    assert without.encode_text(Prompt.of("x" * 75 + " yz"), None).unread == "yz"


def test_nought_stands_for_t5_where_it_was_left_out(adapter, tiny_sd3_large):
    for one, silent in ((adapter, False), (sd3.load(tiny_sd3_large, CPU, torch.float32), True)):
        hidden = one.encode_text(A_HOUSE, None).hidden
        assert hidden.shape == (1, 77 + 256, 64)
        assert bool(hidden[:, 77:].any()) != silent
        assert hidden[:, :77].any()


def test_t5_that_is_named_must_be_there(copied):
    shutil.rmtree(copied / "text_encoder_3")
    with pytest.raises(OSError, match="text_encoder_3"):
        sd3.load(copied, CPU, torch.float32)


def test_fills_as_diffusers_does_up_to_the_decoder(tiny_sd3):
    """Its StableDiffusion3InpaintPipeline leaves out the VAE's shift when it decodes: latents are compared, not pictures."""
    both = load_both(MEDIUM, tiny_sd3)
    sampling, picture, mask = sampled(both, 0.6), both.picture(), both.mask()
    pipeline = both.of_class("StableDiffusion3InpaintPipeline")
    shown = {"image": as_given(picture), "mask_image": mask, "strength": 0.6, "output_type": "latent"}
    assert torch.allclose(
        our_latents(both, sampling, picture, mask), theirs(both, pipeline, sampling, **shown), atol=1e-4
    )


def test_shifts_by_the_pictures_size_where_the_scheduler_wants_that(copied, tiny_sd3):
    file = copied / "scheduler" / "scheduler_config.json"
    plain = json.loads(file.read_text())
    # a file that does not tell how far
    plain = {key: value for key, value in plain.items() if key not in ("base_shift", "max_shift")}
    file.write_text(json.dumps({**plain, "use_dynamic_shifting": True, "shift": 1.0}))
    both = load_both(MEDIUM, copied)
    sampling = sampled(both)
    assert torch.allclose(
        our_latents(both, sampling), theirs(both, both.pipeline, sampling, output_type="latent"), atol=1e-4
    )
    fixed = load_both(MEDIUM, tiny_sd3)
    assert not torch.allclose(our_latents(both, sampling), our_latents(fixed, sampling), atol=1e-2)


def test_parts_of_other_models_are_refused(copied):
    shutil.rmtree(copied / "text_encoder_3")
    t5_text_encoder(32).save_pretrained(copied / "text_encoder_3")
    assert "writes 32 numbers a word, its denoiser reads 64" in problem_of(copied)
    shutil.rmtree(copied / "text_encoder_2")
    clip_text_projection(32, 16).save_pretrained(copied / "text_encoder_2")
    assert "writes 48 numbers" in problem_of(copied)
    shutil.rmtree(copied / "vae")
    kl_vae().save_pretrained(copied / "vae")
    assert "latents of 4 channels, its denoiser takes 16" in problem_of(copied)
