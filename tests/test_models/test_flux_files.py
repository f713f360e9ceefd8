"""FLUX.1 in single files: known by names and shapes, put together from what lies beside, and painting what the whole model paints."""

from __future__ import annotations

import inspect
import json
import shutil
import textwrap

import pytest
import torch
from diffusers import FluxTransformer2DModel
from diffusers.loaders import single_file_utils
from safetensors.torch import load_file, save_file
from tiny_models import bfl, eight_bits
from tiny_models.sparse import sparse

from backend.engine.denoise import Sampling, denoise
from backend.families import flux
from backend.families.adapter import UnusableModel
from backend.families.components import load_model
from backend.families.flux_weights import in_diffusers_names
from backend.models import flux_file, layouts, numbers_in
from backend.models.layouts import Layout
from backend.models.transformers import PackedConfig
from backend.prompts import Prompt
from protocol import Extent

CPU = torch.device("cpu")
UNPATCHED = layouts.FLUX
NAME = "My FLUX.safetensors"
PARTS = ("transformer", "vae", "text_encoder", "text_encoder_2")


@pytest.fixture(autouse=True)
def tiny_layout(tiny_flux, tmp_path, monkeypatch):
    """The tiny model's configurations in the place of the real ones; CLIP's vocabulary is there, T5's is not."""
    left_out = shutil.ignore_patterns("*.safetensors")
    folder = shutil.copytree(tiny_flux, tmp_path / "layouts" / "flux", ignore=left_out)
    (folder / "tokenizer_2" / "tokenizer.json").unlink()
    monkeypatch.setattr(layouts, "FLUX", Layout("flux", folder))


@pytest.fixture
def found(library, shelf):
    """What is told of the transformer, and the entry where it can be used."""

    def look():
        library.scan()
        (info,) = (info for info in library.infos() if info.family == "flux")
        return info, None if info.problem else library.find(info.id)

    return look


def picture(adapter):
    """The latents of one picture in two steps, as the engine paints it."""
    with torch.inference_mode():
        told = adapter.encode_text(Prompt.of("a red apple"), None)
        *_, last = denoise(adapter, told, Sampling("flow_euler", 2, 3.5, 1.0, (7,)), Extent(64, 48))
        return last.latents, adapter.decode(last.latents)


def same(one, other):
    """Weights to the bit, and pictures but for the order of sums, which hangs on where in memory a matrix begins."""
    for name in PARTS:
        mine, theirs = (getattr(adapter.parts, name).state_dict() for adapter in (one, other))
        assert mine.keys() == theirs.keys()
        assert [key for key, tensor in theirs.items() if not torch.equal(mine[key], tensor)] == [], name
    for mine, theirs in zip(picture(one), picture(other), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-4)


def loaded(entry):
    with entry.opened() as folder:
        return flux.load(folder, CPU, torch.float32)


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_transformer_with_its_companions_paints_what_the_whole_model_paints(tiny_flux, shelf, found, prefix):
    bfl.save_transformer(tiny_flux, shelf / NAME, prefix)
    bfl.save_companions(tiny_flux, shelf)
    info, entry = found()
    assert (info.problem, info.name, info.variant) == ("", "My FLUX", "base")
    every = sum(p.numel() for name in PARTS for p in getattr(loaded(entry).parts, name).parameters())
    assert numbers_in(entry) == every
    same(loaded(entry), flux.load(tiny_flux, CPU, torch.float32))


def test_one_file_with_everything_lacks_the_tokenizer_alone(tiny_flux, shelf, found):
    bfl.save_whole(tiny_flux, shelf / NAME)
    assert found()[0].problem.startswith("It is a FLUX.1 transformer, and lacks the tokenizer of T5 (spiece.model or")
    shutil.copy(tiny_flux / "tokenizer_2" / "tokenizer.json", shelf)
    info, entry = found()
    assert info.problem == ""
    same(loaded(entry), flux.load(tiny_flux, CPU, torch.float32))


@pytest.mark.parametrize(
    ("file", "word"),
    [
        ("ae.safetensors", "lacks FLUX.1's VAE (ae.safetensors). Put"),
        ("clip_l.safetensors", "lacks CLIP's text encoder (clip_l.safetensors). Put"),
        ("t5xxl_fp16.safetensors", "lacks T5's text encoder (t5xxl_fp16.safetensors). Put"),
        ("tokenizer.json", "lacks the tokenizer of T5"),
    ],
)
def test_what_is_missing_is_told(tiny_flux, shelf, found, file, word):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    bfl.save_companions(tiny_flux, shelf)
    assert found()[0].problem == ""
    (shelf / file).unlink()
    assert word in found()[0].problem


def test_companions_are_known_by_content_and_lie_anywhere_in_the_folder(tiny_flux, shelf, found):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    (shelf / "clip" / "old").mkdir(parents=True)
    bfl.save_companions(tiny_flux, shelf / "clip" / "old")
    (shelf / "clip" / "old" / "ae.safetensors").rename(shelf / "some name.safetensors")
    info, entry = found()
    assert info.problem == ""
    assert picture(loaded(entry))[0].isfinite().all()


def test_what_else_is_in_such_files_is_passed_over(tiny_flux, shelf, found):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    bfl.save_companions(tiny_flux, shelf)
    beside = {
        "clip_l": {"text_model.embeddings.position_ids": torch.arange(77)[None], "logit_scale": torch.ones(())},
        "t5xxl_fp16": {"logit_scale": torch.ones(())},
    }
    for name, strange in beside.items():
        file = shelf / f"{name}.safetensors"
        tensors = load_file(file)
        twice = {"encoder.embed_tokens.weight": tensors["shared.weight"].clone()} if "shared.weight" in tensors else {}
        save_file({**tensors, "text_projection.weight": torch.eye(32), **strange, **twice}, file)
    same(loaded(found()[1]), flux.load(tiny_flux, CPU, torch.float32))


def test_one_that_is_damaged_or_of_another_model_is_none(tiny_flux, tiny_sd15, shelf, found):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    bfl.save_companions(tiny_flux, shelf)
    (shelf / "clip_l.safetensors").write_bytes(b"no safetensors")
    save_file(bfl.part(tiny_sd15, "vae"), shelf / "ae.safetensors")
    (shelf / "tokenizer.json").write_text('{"model": {"type": "BPE", "vocab": {"a": 0}}}', "utf-8")
    problem = found()[0].problem
    assert all(word in problem for word in ("FLUX.1's VAE", "CLIP's text encoder", "the tokenizer of T5"))
    assert "T5's text encoder" not in problem


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"model": 1}', '{"model": {"vocab": [1, []]}}', '{"model": {"vocab": [']
)
def test_a_tokenizer_of_another_kind_is_none(tiny_flux, shelf, found, content):
    bfl.save_whole(tiny_flux, shelf / NAME)
    (shelf / "tokenizer.json").write_text(content, "utf-8")
    assert "lacks the tokenizer of T5" in found()[0].problem


def test_a_whole_model_lends_its_tokenizer(tiny_flux, tiny_chroma, shelf, found):
    bfl.save_whole(tiny_flux, shelf / NAME)
    shutil.copytree(tiny_chroma, shelf / "Chroma")
    info, entry = found()
    assert info.problem == ""
    assert entry.single.tokenizer == ("tokenizer_2", (shelf / "Chroma" / "tokenizer" / "tokenizer.json").resolve())


def test_what_lies_outside_the_folder_is_not_used(tiny_flux, shelf, found, tmp_path):
    bfl.save_whole(tiny_flux, shelf / NAME)
    (shelf / "tokenizer.json").symlink_to(tiny_flux / "tokenizer_2" / "tokenizer.json")
    assert "lacks the tokenizer of T5" in found()[0].problem


def test_schnell_is_told_by_what_it_is_not_told(tiny_flux_schnell, shelf, found):
    bfl.save_whole(tiny_flux_schnell, shelf / NAME)
    shutil.copy(tiny_flux_schnell / "tokenizer_2" / "tokenizer.json", shelf)
    entry = found()[1]
    assert (entry.facts.guidance_kind, entry.facts.guidance, entry.facts.steps) == ("none", 1.0, 4)
    same(loaded(entry), flux.load(tiny_flux_schnell, CPU, torch.float32))


def test_fill_is_told_by_what_it_takes(tiny_flux_fill, shelf, found):
    bfl.save_whole(tiny_flux_fill, shelf / NAME)
    shutil.copy(tiny_flux_fill / "tokenizer_2" / "tokenizer.json", shelf)
    info, entry = found()
    assert (info.variant, entry.facts.guidance) == ("inpaint", 30.0)
    assert loaded(entry).takes_mask


def test_kontext_is_told_by_its_owner(tiny_flux, tiny_flux_kontext, shelf, found):
    bfl.save_transformer(tiny_flux_kontext, shelf / NAME)
    bfl.save_companions(tiny_flux_kontext, shelf)
    info, entry = found()
    assert (info.variant, info.references, loaded(entry).references) == ("base", 0, 0)
    sidecar = shelf / "My FLUX.scumble.json"
    sidecar.write_text('{"edits": true}', "utf-8")
    info, entry = found()
    assert (info.problem, info.variant, info.references, info.guidance) == ("", "edit", 1, 2.5)
    own, whole = loaded(entry), flux.load(tiny_flux_kontext, CPU, torch.float32)
    assert (own.references, whole.references) == (1, 1)
    same(own, whole)
    sidecar.write_text('{"edits": false}', "utf-8")
    assert found()[0].variant == "base"


@pytest.mark.parametrize("model", ["flux_schnell", "flux_fill"])
def test_what_is_not_built_like_kontext_cannot_be_told_to_be_it(request, shelf, library, model):
    whole = request.getfixturevalue(f"tiny_{model}")
    bfl.save_transformer(whole, shelf / NAME)
    bfl.save_companions(whole, shelf)
    (shelf / "My FLUX.scumble.json").write_text('{"edits": true}', "utf-8")
    library.scan()
    (info,) = (info for info in library.infos() if info.name.startswith("My FLUX"))
    assert info.problem.startswith("Its file My FLUX.scumble.json says `edits`, which is for FLUX.1 Kontext in")


def test_eight_bits_are_read_where_they_are_what_they_say(tiny_flux, shelf, found):
    bfl.save_whole(tiny_flux, shelf / NAME)
    shutil.copy(tiny_flux / "tokenizer_2" / "tokenizer.json", shelf)
    small = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in load_file(shelf / NAME).items()}
    save_file(small, shelf / NAME)
    with found()[1].opened() as folder:
        transformer = load_model(FluxTransformer2DModel, folder / "transformer", torch.bfloat16)
    first = small["model.diffusion_model.img_in.weight"]
    assert torch.equal(transformer.x_embedder.weight, first.to(torch.bfloat16))


@pytest.mark.parametrize("rows", [False, True], ids=["a scale a layer", "a scale a row"])
@pytest.mark.parametrize("ends", [(".scale_weight", ".scale_input"), (".weight_scale", ".input_scale")])
def test_scaled_weights_in_eight_bits_are_read_as_what_they_stand_for(tiny_flux, shelf, found, ends, rows):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    bfl.save_companions(tiny_flux, shelf)
    (encoder,) = (file for file in shelf.glob("*.safetensors") if "encoder.block" in str(load_file(file).keys()))
    plain = {}
    for file in (shelf / NAME, encoder):
        written, plain[file] = eight_bits.scaled(load_file(file), ends, rows)
        save_file(written, file)
    info, entry = found()
    assert info.problem == ""
    read = loaded(entry)
    for file, tensors in plain.items():
        save_file(tensors, file)
    same(read, loaded(found()[1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: {f"{layer}.weight": torch.ones(32, 64, dtype=torch.int8), f"{layer}.weight_scale": torch.ones(1)},
        lambda layer: {f"{layer}.weight_scale": torch.ones(32, 2)},
        lambda layer: {f"{layer}.weight_scale": torch.ones(1), f"{layer}.weight_scale_2": torch.ones(1)},
        lambda layer: {f"{layer}.weight_scale": torch.ones(1, dtype=torch.uint8)},
        lambda layer: {f"{layer}s.scale_weight": torch.ones(1)},
    ],
    ids=["whole numbers", "blocks", "scales of scales", "powers of two", "of nothing"],
)
def test_weights_that_are_scaled_in_another_way_are_told(tiny_flux, shelf, found, change):
    bfl.save_whole(tiny_flux, shelf / NAME)
    tensors = load_file(shelf / NAME)
    save_file({**tensors, **change("model.diffusion_model.img_in")}, shelf / NAME)
    assert "weights were scaled to fit into few bits" in found()[0].problem


def test_a_text_encoder_that_is_scaled_in_another_way_is_not_taken(tiny_flux, shelf, found):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    bfl.save_companions(tiny_flux, shelf)
    (encoder,) = (file for file in shelf.glob("*.safetensors") if "encoder.block" in str(load_file(file).keys()))
    save_file({**load_file(encoder), "shared.weight_scale": torch.ones(3, 3)}, encoder)
    assert "T5" in found()[0].problem


@pytest.mark.parametrize(
    "name",
    [
        "img_in.weight",
        "final_layer.linear.weight",
        "double_blocks.0.txt_mlp.2.weight",
        "single_blocks.0.linear1.weight",
        "single_blocks.0.norm.key_norm.scale",
    ],
)
def test_a_transformer_that_is_not_whole_is_told(tiny_flux, shelf, found, name):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    tensors = load_file(shelf / NAME)
    save_file({other: tensor for other, tensor in tensors.items() if other != name}, shelf / NAME)
    assert "not whole" in found()[0].problem
    save_file({**tensors, name: torch.zeros(3, 5)}, shelf / NAME)
    assert "not whole" in found()[0].problem


def test_what_takes_edges_is_told(tiny_flux, shelf, found):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    tensors = load_file(shelf / NAME)
    save_file({**tensors, "img_in.weight": torch.zeros(32, 128)}, shelf / NAME)
    assert "edges or depths" in found()[0].problem


def test_a_bias_that_is_missing_is_told_when_it_is_loaded(tiny_flux, shelf, found):
    bfl.save_whole(tiny_flux, shelf / NAME)
    shutil.copy(tiny_flux / "tokenizer_2" / "tokenizer.json", shelf)
    tensors = load_file(shelf / NAME)
    save_file({name: tensor for name, tensor in tensors.items() if not name.endswith("img_in.bias")}, shelf / NAME)
    with found()[1].opened() as folder, pytest.raises(UnusableModel, match="not those of its family"):
        load_model(FluxTransformer2DModel, folder / "transformer", torch.float32)


def test_a_companion_that_moves_makes_it_another_entry_so_that_it_is_loaded_anew(tiny_flux, shelf, found):
    bfl.save_transformer(tiny_flux, shelf / NAME)
    bfl.save_companions(tiny_flux, shelf)
    before = found()[1]
    assert found()[1] == before
    (shelf / "ae.safetensors").rename(shelf / "vae.safetensors")
    assert found()[1] != before


def diffusers_converter(width):
    """diffusers' own conversion, for a model of another width than dev's, which it takes for granted."""
    convert = single_file_utils.convert_flux_transformer_checkpoint_to_diffusers
    source = textwrap.dedent(inspect.getsource(convert))
    assert "inner_dim = 3072" in source
    names = dict(vars(single_file_utils))
    exec(source.replace("inner_dim = 3072", f"inner_dim = {width}"), names)
    return names[convert.__name__]


@pytest.mark.parametrize("model", ["flux", "flux_schnell", "flux_fill"])
def test_names_are_brought_over_as_diffusers_brings_them(request, model):
    tensors = bfl.transformer(request.getfixturevalue(f"tiny_{model}"))
    mine = in_diffusers_names(tensors)
    theirs = diffusers_converter(tensors["img_in.weight"].shape[0])(dict(tensors))
    assert mine.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert torch.equal(mine[name], tensor), name


def test_a_transformer_of_true_size_has_the_names_and_shapes_that_diffusers_knows(shelf, monkeypatch, found):
    """Dev's: 12 billion weights, of which only the names and shapes are there."""
    monkeypatch.setattr(layouts, "FLUX", UNPATCHED)
    config = json.loads((UNPATCHED.folder / "transformer" / "config.json").read_text("utf-8"))
    with torch.device("meta"):
        model = FluxTransformer2DModel.from_config(config)
    assert model.num_parameters() == 11_901_408_320
    packed = UNPATCHED.read(PackedConfig, "transformer/config.json")
    shapes = flux_file.transformer_shapes(packed, config["num_layers"], config["num_single_layers"])
    ours = in_diffusers_names({name: torch.empty(shape, device="meta") for name, shape in shapes.items()})
    theirs = model.state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in ours.items()} == {
        name: tuple(theirs[name].shape) for name in ours
    }
    assert all(name.endswith(".bias") for name in theirs if name not in ours)
    parts = {wanted.component: wanted.shapes for wanted in flux_file.wanted_of(UNPATCHED)}
    sparse(shelf / "flux1-dev.safetensors", shapes)
    for name, component in (("ae", "vae"), ("clip_l", "text_encoder"), ("t5xxl_fp16", "text_encoder_2")):
        sparse(shelf / f"{name}.safetensors", parts[component])
    (shelf / "spiece.model").write_bytes(
        b"\n\x0e\n\x05<pad>\x15\0\0\0\0\x18\x03\n\r\n\x04</s>\x15\0\0\0\0\x18\x03\n\x0e\n\x05<unk>"
    )
    info, entry = found()
    assert (info.problem, info.native, info.steps, info.guidance) == ("", 1024, 28, 3.5)
    assert (entry.facts.multiple, entry.facts.latent_channels) == (16, 16)


def test_the_shipped_configurations_are_those_of_the_published_components():
    from diffusers import AutoencoderKL
    from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

    folder = UNPATCHED.folder
    with torch.device("meta"):
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae"))
        clip = CLIPTextModel(CLIPTextConfig.from_pretrained(folder / "text_encoder"))
        t5 = T5EncoderModel(T5Config.from_pretrained(folder / "text_encoder_2"))
    # weights of Black Forest Labs' ae, OpenAI's ViT-L/14 and Google's T5 v1.1 XXL
    assert [model.num_parameters() for model in (vae, clip, t5)] == [83_819_683, 123_060_480, 4_762_310_656]
