"""Stable Diffusion XL: what its UNet is told, how its prompts are read, and what is not of its family."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models.a1111 import save_as_checkpoint
from tiny_models.oracle import load_pipeline
from tiny_models.text_encoders import clip_text_encoder
from tiny_models.vaes import flux_vae

from backend.engine.decode import decode
from backend.families import sdxl
from backend.families.adapter import Adapter, Load, NoSuchLayer, UnusableModel
from backend.families.checkpoint import SINGLE_FILE
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
A_HOUSE = Prompt.of("a house")
SIZE = Extent(64, 48)
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def adapter(tiny_sdxl):
    return sdxl.load(tiny_sdxl, CPU, torch.float32)


@pytest.fixture
def copied(tiny_sdxl, tmp_path):
    """Its files, for changing."""
    return shutil.copytree(tiny_sdxl, tmp_path / "model")


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def latents_of(adapter):
    return torch.randn(adapter.latent_shape(SIZE), generator=torch.Generator().manual_seed(0))


def asked(adapter, text, guidance=5.0):
    return adapter.predict(latents_of(adapter).repeat(text.rows, 1, 1, 1), torch.tensor(500), text, guidance)


def test_it_is_an_adapter(adapter):
    load: Load = sdxl.load
    kept: Adapter = adapter
    assert callable(load)
    assert kept.latent_shape(SIZE) == (1, 4, 6, 8)


# What the UNet is told


def test_unet_is_told_of_a_whole_picture_of_the_painted_size(adapter):
    told = []
    hook = adapter._unet.register_forward_pre_hook(lambda _, given, named: told.append(named), with_kwargs=True)
    asked(adapter, adapter.encode_text(A_HOUSE, Prompt()))
    hook.remove()
    sizes = told[0]["added_cond_kwargs"]["time_ids"]
    assert sizes.tolist() == [[48, 64, 0, 0, 48, 64]] * 2


def test_an_empty_negative_prompt_is_what_diffusers_makes_of_none(adapter, tiny_sdxl):
    pipeline = load_pipeline(tiny_sdxl)
    hidden, away, pooled, pooled_away = pipeline.encode_prompt("a house", device="cpu", negative_prompt=None)
    for empty in (Prompt(), Prompt.of("  ")):
        text = adapter.encode_text(A_HOUSE, empty)
        assert torch.allclose(text.hidden, torch.cat([away, hidden]), atol=1e-5)
        assert torch.allclose(text.pooled, torch.cat([pooled_away, pooled]), atol=1e-5)
        assert not text.hidden[0].any()


def test_an_empty_negative_prompt_is_read_where_the_model_was_trained_so(copied):
    change(copied / "model_index.json", force_zeros_for_empty_prompt=False)
    text = sdxl.load(copied, CPU, torch.float32).encode_text(A_HOUSE, Prompt())
    pipeline = load_pipeline(copied)
    _, away, _, pooled_away = pipeline.encode_prompt("a house", device="cpu", negative_prompt=None)
    assert torch.allclose(text.hidden[:1], away, atol=1e-5)
    assert torch.allclose(text.pooled[:1], pooled_away, atol=1e-5)
    assert text.hidden[0].any()


def test_the_last_layer_never_speaks(adapter):
    hidden = [adapter.encode_text(replace(A_HOUSE, clip_skip=skip), None).hidden for skip in (1, 2, 3)]
    assert torch.equal(hidden[0], hidden[1])
    assert not torch.allclose(hidden[1], hidden[2])
    with pytest.raises(NoSuchLayer, match="3 layers"):
        adapter.encode_text(replace(A_HOUSE, clip_skip=4), None)


def test_long_prompts_are_read_to_their_end_and_both_are_of_one_length(adapter):
    long, chunk = Prompt.of("x " * 100), Prompt.of("x " * 75)
    for prompt, negative in ((long, A_HOUSE), (A_HOUSE, long)):
        text = adapter.encode_text(prompt, negative)
        assert text.hidden.shape == (2, 2 * 77, 96)
        assert text.pooled.shape == (2, 32)
        assert text.unread == ""
        assert torch.isfinite(asked(adapter, text)).all()
    assert torch.equal(adapter.encode_text(long, None).pooled, adapter.encode_text(chunk, None).pooled)


def test_a_model_of_consistency_is_told_of_the_guidance(tiny_sdxl_lcm):
    adapter = sdxl.load(tiny_sdxl_lcm, CPU, torch.float32)
    assert not adapter.classifier_free
    text = adapter.encode_text(A_HOUSE, None)
    assert not torch.allclose(asked(adapter, text, 1.0), asked(adapter, text, 8.0))


def test_weights_may_lie_in_one_file(adapter, tiny_sdxl, tmp_path):
    folder, file = tmp_path / "model", tmp_path / "all.safetensors"
    shutil.copytree(tiny_sdxl, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    save_as_checkpoint(tiny_sdxl, file)
    (folder / SINGLE_FILE).write_text(json.dumps({"file": str(file)}))
    single = sdxl.load(folder, CPU, torch.float32)
    theirs, ours = (asked(one, one.encode_text(A_HOUSE, Prompt())) for one in (adapter, single))
    assert torch.allclose(ours, theirs, atol=1e-5)
    latents = latents_of(adapter)
    assert torch.allclose(single.decode(latents), adapter.decode(latents), atol=1e-5)


# A VAE that overflows


@pytest.fixture
def overflowing(copied):
    """Its VAE has numbers in the midst of decoding that float16 does not reach to; the next norm brings them down again."""
    weights = load_file(copied / "vae" / WEIGHTS)
    weights["decoder.conv_in.weight"] *= 2e5
    save_file(weights, copied / "vae" / WEIGHTS, {"format": "pt"})
    return copied


@pytest.mark.parametrize(
    ("dtype", "upcast", "full"),
    [
        (torch.float16, True, True),
        (torch.float16, False, False),
        (torch.bfloat16, True, False),
        (torch.float16, None, True),
        (torch.float32, True, True),
    ],
)
def test_only_a_vae_that_overflows_in_float16_is_loaded_in_full(copied, dtype, upcast, full):
    config = json.loads((copied / "vae" / "config.json").read_text())
    del config["force_upcast"]
    told = {} if upcast is None else {"force_upcast": upcast}
    (copied / "vae" / "config.json").write_text(json.dumps({**config, **told}))
    adapter = sdxl.load(copied, CPU, dtype)
    assert adapter.decodes_in_full == full
    assert adapter._unet.dtype == dtype
    assert adapter._coder.vae.dtype == (torch.float32 if full else dtype)


def test_a_vae_that_says_that_it_overflows_does_not(overflowing):
    adapter = sdxl.load(overflowing, CPU, torch.float16)
    assert torch.isfinite(adapter.decode(latents_of(adapter))).all()
    assert torch.isfinite(adapter.encode_image(torch.zeros(1, 3, 48, 64)).mean).all()


def test_a_vae_that_does_not_say_so_is_found_out(overflowing):
    change(overflowing / "vae" / "config.json", force_upcast=False)
    adapter = sdxl.load(overflowing, CPU, torch.float16)
    latents = latents_of(adapter)
    assert not torch.isfinite(adapter.decode(latents)).all()
    assert torch.isfinite(decode(adapter, latents)).all()
    assert adapter.decodes_in_full


def test_one_that_overflows_in_encoding_is_found_out_too(copied):
    weights = load_file(copied / "vae" / WEIGHTS)
    weights["encoder.conv_in.weight"] *= 2e5
    save_file(weights, copied / "vae" / WEIGHTS, {"format": "pt"})
    change(copied / "vae" / "config.json", force_upcast=False)
    adapter = sdxl.load(copied, CPU, torch.float16)
    assert not adapter.decodes_in_full
    assert torch.isfinite(adapter.encode_image(torch.ones(1, 3, 48, 64)).mean).all()
    assert adapter.decodes_in_full


# What is not of the family


def problem_of(folder):
    with pytest.raises(UnusableModel) as refused:
        sdxl.load(folder, CPU, torch.float32)
    return str(refused.value)


def test_the_refiner_is_refused(copied):
    change(copied / "model_index.json", requires_aesthetics_score=True)
    assert "refiner" in problem_of(copied)
    change(copied / "model_index.json", requires_aesthetics_score=False)
    shutil.rmtree(copied / "text_encoder")
    assert "refiner" in problem_of(copied)


def test_another_kind_of_noise_is_refused(copied):
    change(copied / "scheduler" / "scheduler_config.json", _class_name="EDMDPMSolverMultistepScheduler")
    assert "another kind of noise" in problem_of(copied)


def test_parts_of_other_models_are_refused(copied):
    shutil.rmtree(copied / "text_encoder")
    clip_text_encoder(48, layers=3).save_pretrained(copied / "text_encoder")
    assert "writes 112 numbers a word, its denoiser reads 96" in problem_of(copied)
    shutil.rmtree(copied / "vae")
    flux_vae().save_pretrained(copied / "vae")
    assert "latents of 16 channels, its denoiser takes 4" in problem_of(copied)


@pytest.mark.parametrize("values", [{"addition_time_embed_dim": 4}, {"addition_time_embed_dim": None}])
def test_a_unet_that_wants_other_numbers_is_refused(copied, values):
    change(copied / "unet" / "config.json", **values)
    with pytest.raises((UnusableModel, ValueError, TypeError)) as refused:
        sdxl.load(copied, CPU, torch.float32)
    assert refused.type is UnusableModel, refused.value


def test_a_denoiser_that_is_shown_something_else_is_refused(copied):
    """As one that edits by instruction, with eight channels."""
    weights = load_file(copied / "unet" / WEIGHTS)
    weights["conv_in.weight"] = torch.cat([weights["conv_in.weight"]] * 2, dim=1).contiguous()
    save_file(weights, copied / "unet" / WEIGHTS, {"format": "pt"})
    change(copied / "unet" / "config.json", in_channels=8)
    assert "more than a picture and a mask" in problem_of(copied)
