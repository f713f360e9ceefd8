"""Stable Diffusion 3.x in single files: known by names and shapes, with T5 or without, and painting what the whole model paints."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from diffusers import SD3Transformer2DModel
from safetensors.torch import load_file, save_file
from tiny_models import bfl, sai
from tiny_models.sparse import sparse

from backend.engine.denoise import Sampling, denoise
from backend.families import sd3
from backend.models import layouts, sd3_file
from backend.models.layouts import Layout
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
UNPATCHED = layouts.SD3
NAME = "My SD3.safetensors"
PARTS = ("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3")


@pytest.fixture(autouse=True)
def tiny_layout(tiny_sd3, tmp_path, monkeypatch):
    """The tiny model's configurations in the place of the real ones; CLIP's vocabularies are there, T5's is not."""
    folder = shutil.copytree(tiny_sd3, tmp_path / "layouts" / "sd3", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "tokenizer_3" / "tokenizer.json").unlink()
    monkeypatch.setattr(layouts, "SD3", Layout("sd3", folder))


@pytest.fixture
def found(library):
    """What is told of the transformer, and the entry where it can be used."""

    def look():
        library.scan()
        (info,) = (info for info in library.infos() if info.family == "sd3")
        return info, None if info.problem else library.find(info.id)

    return look


def loaded(entry):
    with entry.opened() as folder:
        return sd3.load(folder, CPU, torch.float32)


def picture(adapter):
    with torch.inference_mode():
        told = adapter.encode_text(Prompt.of("a red apple"), Prompt.of("blue"))
        *_, last = denoise(adapter, told, Sampling("flow_euler", 2, 4.5, 1.0, (7,)), Extent(64, 48))
        return last.latents


def same(one, other):
    """Weights to the bit, and pictures but for the order of sums, which hangs on where in memory a matrix begins."""
    for name in PARTS:
        mine, theirs = (getattr(adapter.parts, name) for adapter in (one, other))
        assert (mine is None) == (theirs is None), name
        if theirs is not None:
            mine, theirs = mine.state_dict(), theirs.state_dict()
            assert mine.keys() == theirs.keys()
            assert [key for key, tensor in theirs.items() if not torch.equal(mine[key], tensor)] == [], name
    torch.testing.assert_close(picture(one), picture(other), rtol=0, atol=1e-4)


def test_a_whole_file_paints_what_the_whole_model_paints(tiny_sd3, shelf, found):
    """The medium one, with a second attention in its first blocks, and T5."""
    sai.save_sd3(tiny_sd3, shelf / NAME)
    shutil.copy(tiny_sd3 / "tokenizer_3" / "tokenizer.json", shelf)
    info, entry = found()
    assert (info.problem, info.name) == ("", "My SD3")
    assert (entry.facts.text_length, entry.facts.most_pixels, entry.facts.most_side) == (256, 1440 * 1440, 96 * 16)
    same(loaded(entry), sd3.load(tiny_sd3, CPU, torch.float32))


def test_it_does_without_t5_where_that_has_no_tokenizer(tiny_sd3, shelf, found):
    sai.save_sd3(tiny_sd3, shelf / NAME)
    info, entry = found()
    assert (info.problem, entry.facts.text_length) == ("", 77)
    adapter = loaded(entry)
    assert adapter.parts.text_encoder_3 is None
    assert picture(adapter).isfinite().all()


def test_the_large_one_without_t5_paints_what_the_whole_model_paints(tiny_sd3_large, shelf, found):
    sai.save_sd3(tiny_sd3_large, shelf / NAME)
    info, entry = found()
    assert (info.problem, entry.facts.most_pixels) == ("", 1280 * 1024)
    same(loaded(entry), sd3.load(tiny_sd3_large, CPU, torch.float32))


def test_text_encoders_may_lie_beside_it(tiny_sd3, shelf, found):
    sai.save_sd3(tiny_sd3, shelf / NAME, texts=False)
    assert "lacks CLIP's text encoder (clip_l.safetensors), CLIP's larger text encoder" in found()[0].problem
    # in the tiny model the two are of one size: the first is taken by its name's order
    for name, component in (("clip_1", "text_encoder"), ("t5", "text_encoder_3")):
        save_file(sai.text_encoder(tiny_sd3, component), shelf / f"{name}.safetensors")
    info, entry = found()
    assert info.problem == ""
    assert picture(loaded(entry)).isfinite().all()


def test_the_smaller_text_encoder_may_come_without_its_projection(tiny_sd3, shelf, found):
    sai.save_sd3(tiny_sd3, shelf / NAME)
    tensors = load_file(shelf / NAME)
    projection = "{}text_projection.weight"
    del tensors[projection.format(sai.TEXT["text_encoder"])]
    save_file(tensors, shelf / NAME)
    adapter = loaded(found()[1])
    weight = adapter.parts.text_encoder.text_projection.weight
    assert torch.equal(weight, torch.eye(len(weight)))
    del tensors[projection.format(sai.TEXT["text_encoder_2"])]
    save_file(tensors, shelf / NAME)
    assert "CLIP's larger text encoder" in found()[0].problem


def test_a_vae_of_flux_is_not_taken_for_its_own(tiny_sd3, tiny_flux, shelf, found):
    sai.save_sd3(tiny_sd3, shelf / NAME)
    tensors = {name: tensor for name, tensor in load_file(shelf / NAME).items() if "first_stage" not in name}
    save_file(tensors, shelf / NAME)
    save_file(bfl.part(tiny_flux, "vae"), shelf / "ae.safetensors")
    assert "lacks its VAE, which the file as Stability AI has it holds itself" in found()[0].problem


@pytest.mark.parametrize(
    "name",
    [
        "pos_embed",
        "context_embedder.weight",
        "joint_blocks.0.x_block.attn2.ln_k.weight",
        "joint_blocks.1.context_block.adaLN_modulation.1.weight",
        "joint_blocks.1.x_block.mlp.fc2.weight",
    ],
)
def test_a_transformer_that_is_not_whole_is_told(tiny_sd3, shelf, found, name):
    sai.save_sd3(tiny_sd3, shelf / NAME)
    tensors, full = load_file(shelf / NAME), f"model.diffusion_model.{name}"
    save_file({other: tensor for other, tensor in tensors.items() if other != full}, shelf / NAME)
    assert "not whole" in found()[0].problem
    save_file({**tensors, full: torch.zeros(3, 5, 7)}, shelf / NAME)
    assert "not whole" in found()[0].problem


# Stability AI's: blocks, the side of the table of places, blocks with a second attention, normed, weights in all
PUBLISHED = {
    "3 medium": (24, 192, 0, False),
    "3.5 medium": (24, 384, 13, True),
    "3.5 large": (38, 192, 0, True),
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_files_of_the_true_sizes_are_known(shelf, monkeypatch, found, model):
    """Only the names and shapes are there; they are those that diffusers' model of that configuration has."""
    monkeypatch.setattr(layouts, "SD3", UNPATCHED)
    blocks, places, twice, normed = PUBLISHED[model]
    config = UNPATCHED.read(sd3_file.SD3Config, "transformer/config.json")
    config = sd3_file.replace(
        config,
        num_attention_heads=blocks,
        caption_projection_dim=64 * blocks,
        pos_embed_max_size=places,
        dual_attention_layers=tuple(range(twice)),
    )
    build = sd3_file.Build(config, blocks, normed)
    shapes = {f"model.diffusion_model.{name}": shape for name, shape in sd3_file.transformer_shapes(build).items()}
    vae, *texts = sd3_file.wanted_of(UNPATCHED)
    shapes |= {f"first_stage_model.{name}": shape for name, shape in vae.shapes.items()}
    sparse(shelf / NAME, shapes)
    for text in texts:
        sparse(shelf / f"{text.component}.safetensors", text.shapes)
    info, entry = found()
    assert (info.problem, info.native, entry.facts.most_side) == ("", 1024, places * 16)
    with entry.opened() as folder:
        plain = json.loads((folder / "transformer" / "config.json").read_text("utf-8"))
        index = json.loads((folder / "model_index.json").read_text("utf-8"))
    assert index["text_encoder_3"] == [None, None]
    with torch.device("meta"):
        theirs = SD3Transformer2DModel.from_config(plain).state_dict()
    matrices = {name: tensor.shape for name, tensor in theirs.items() if not name.endswith(".bias")}
    # three matrices in one of theirs, wherever there is attention
    apart = sum(2 for name in shapes if name.endswith(".qkv.weight"))
    assert len(matrices) == len([name for name in shapes if "diffusion_model" in name]) + apart
    assert sum(shape.numel() for shape in matrices.values()) == sum(
        torch.Size(shape).numel() for name, shape in shapes.items() if "diffusion_model" in name
    )
