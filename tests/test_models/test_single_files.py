"""Checkpoints in one file: known by names and shapes alone, and loaded to the same model that they were written from."""

import json
import shutil

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_models import eight_bits
from tiny_models.a1111 import save_as_checkpoint
from tiny_models.sparse import sparse
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from backend.families.components import load_model, load_text_encoder
from backend.models import layouts, runnable
from backend.models.checkpoint import (
    TextLayers,
    UnetBlocks,
    VaeBlocks,
    clip_shapes,
    open_clip_shapes,
    unet_shapes,
    vae_shapes,
)
from backend.models.layouts import Layout
from backend.models.single_file import FIRST

UNPATCHED = layouts.LAYOUTS


@pytest.fixture(autouse=True)
def every_adapter_is_there(monkeypatch):
    monkeypatch.setattr(runnable, "_has_adapter", lambda name: True)


@pytest.fixture
def tiny_layouts(request, tmp_path, monkeypatch):
    """The tiny models' configurations in the place of the real ones."""
    made = []
    for family, name in (("sd1", "sd15"), ("sdxl", "sdxl")):
        folder = shutil.copytree(
            request.getfixturevalue(f"tiny_{name}"),
            tmp_path / "layouts" / family,
            ignore=shutil.ignore_patterns("*.safetensors"),
        )
        config = folder / "unet" / "config.json"
        plain = json.loads(config.read_text("utf-8"))
        if plain["transformer_layers_per_block"] == 1:
            plain["transformer_layers_per_block"] = [1] * len(plain["block_out_channels"])
        config.write_text(json.dumps(plain), "utf-8")
        made.append(Layout(family, folder))
    monkeypatch.setattr(layouts, "LAYOUTS", tuple(made))


@pytest.fixture
def checkpoint(request, shelf, tiny_layouts):
    """Write a tiny model as one file onto the shelf."""

    def make(name, file="My checkpoint.safetensors", **marks):
        save_as_checkpoint(request.getfixturevalue(f"tiny_{name}"), shelf / file, **marks)
        return shelf / file

    return make


def change_tensors(file, change):
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)


def same_weights(one, other):
    theirs = other.state_dict()
    assert one.state_dict().keys() == theirs.keys()
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, theirs[name]), name


@pytest.mark.parametrize(
    ("name", "family", "variant"),
    [
        ("sd15", "sd1", "base"),
        ("sd15_inpaint", "sd1", "inpaint"),
        ("sdxl", "sdxl", "base"),
        ("sdxl_inpaint", "sdxl", "inpaint"),
    ],
)
def test_a_checkpoint_loads_to_the_model_that_it_was_written_from(checkpoint, entry, request, name, family, variant):
    checkpoint(name)
    found = entry()
    assert (found.info.name, found.facts.family, found.facts.variant) == ("My checkpoint", family, variant)
    assert (found.facts.native, found.facts.multiple, found.facts.prediction) == (128, 16, "epsilon")
    original = request.getfixturevalue(f"tiny_{name}")
    with found.opened() as folder:
        unet = load_model(UNet2DConditionModel, folder / "unet", torch.float32)
        vae = load_model(AutoencoderKL, folder / "vae", torch.float32)
        text = load_text_encoder(CLIPTextModel, folder / "text_encoder", torch.float32)
        second = None
        if family == "sdxl":
            second = load_text_encoder(CLIPTextModelWithProjection, folder / "text_encoder_2", torch.float32)
    assert not folder.exists()
    same_weights(unet, UNet2DConditionModel.from_pretrained(original / "unet"))
    same_weights(vae, AutoencoderKL.from_pretrained(original / "vae"))
    same_weights(text, CLIPTextModel.from_pretrained(original / "text_encoder"))
    if second is not None:
        same_weights(second, CLIPTextModelWithProjection.from_pretrained(original / "text_encoder_2"))


def test_half_precision_stays_half(checkpoint, entry):
    file = checkpoint("sd15")
    change_tensors(file, lambda tensors: tensors.update({name: tensor.half() for name, tensor in tensors.items()}))
    with entry().opened() as folder:
        assert load_model(UNet2DConditionModel, folder / "unet", torch.float16).dtype == torch.float16
        assert load_text_encoder(CLIPTextModel, folder / "text_encoder", torch.float16).dtype == torch.float16


def test_scaled_weights_in_eight_bits_are_read_as_what_they_stand_for(checkpoint, entry):
    file = checkpoint("sd15")
    written, plain = eight_bits.scaled(load_file(file))
    save_file(written, file)
    with entry().opened() as folder:
        unet = load_model(UNet2DConditionModel, folder / "unet", torch.float32)
        text = load_text_encoder(CLIPTextModel, folder / "text_encoder", torch.float32)
    save_file(plain, file)
    with entry().opened() as folder:
        same_weights(unet, load_model(UNet2DConditionModel, folder / "unet", torch.float32))
        same_weights(text, load_text_encoder(CLIPTextModel, folder / "text_encoder", torch.float32))


def test_weights_that_are_scaled_in_another_way_are_told(checkpoint, only):
    file = checkpoint("sdxl")
    change_tensors(file, lambda tensors: tensors.update({FIRST.replace("weight", "weight_scale"): torch.ones(3, 3)}))
    assert "weights were scaled to fit into few bits" in only().problem


def test_a_text_encoder_with_names_of_old_is_read(checkpoint, entry, tiny_sd15):
    file = checkpoint("sd15")
    tensors = load_file(file)
    assert any(".transformer.text_model." in name for name in tensors)
    save_file({name.replace(".transformer.text_model.", ".transformer."): t for name, t in tensors.items()}, file)
    with entry().opened() as folder:
        text = load_text_encoder(CLIPTextModel, folder / "text_encoder", torch.float32)
    same_weights(text, CLIPTextModel.from_pretrained(tiny_sd15 / "text_encoder"))


@pytest.mark.parametrize("marks", [("edm_mean", "edm_std"), ("edm_vpred.sigma_max", "edm_vpred.sigma_min")])
def test_one_that_was_trained_with_another_noise_is_told(checkpoint, only, marks):
    """As Playground 2.5 and CosXL are marked."""
    checkpoint("sdxl", **{mark: torch.ones(1) for mark in marks})
    info = only()
    assert "would paint noise only" in info.problem
    assert info.family == "sdxl"


def test_marks_of_velocity_and_zero_terminal_snr_are_followed(checkpoint, entry):
    checkpoint("sdxl", v_pred=torch.zeros(0), ztsnr=torch.zeros(0))
    found = entry()
    assert found.facts.prediction == "v_prediction"
    with found.opened() as folder:
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    assert scheduler["prediction_type"] == "v_prediction"
    assert scheduler["rescale_betas_zero_snr"] is True
    assert scheduler["timestep_spacing"] == "trailing"
    assert scheduler["beta_schedule"] == "scaled_linear"


def test_velocity_alone_keeps_the_times(checkpoint, entry):
    checkpoint("sdxl", v_pred=torch.zeros(0))
    with entry().opened() as folder:
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    assert (scheduler["prediction_type"], scheduler["timestep_spacing"]) == ("v_prediction", "leading")


def test_its_own_sidecar_lies_beside_it(checkpoint, entry, shelf, only):
    checkpoint("sdxl", "Pony.safetensors")
    (shelf / "Pony.scumble.json").write_text('{"clip_skip": 2, "template": "score_9, {prompt}", "steps": 8}', "utf-8")
    facts = entry().facts
    assert (facts.title, facts.clip_skip, facts.template, facts.steps) == ("Pony", 2, "score_9, {prompt}", 8)
    (shelf / "Pony.scumble.json").write_text('{"clip_skip": 0}', "utf-8")
    assert "Pony.scumble.json is wrong" in only().problem


@pytest.mark.parametrize(
    ("prefix", "word"),
    [
        ("first_stage_model.", "no VAE"),
        ("conditioner.embedders.0.", "no first text encoder"),
        ("conditioner.embedders.1.", "no second text encoder"),
        ("conditioner.", "not the UNet alone"),
        ("model.diffusion_model.input_blocks.0.", "takes 0 channels"),
        ("model.diffusion_model.", "a VAE alone"),
        ("model.diffusion_model.middle_block.", "pruned, or the file is not whole"),
        ("model.diffusion_model.label_emb.", "pruned, or the file is not whole"),
    ],
)
def test_what_is_missing_is_told(checkpoint, only, prefix, word):
    file = checkpoint("sdxl")

    def cut(tensors):
        for name in [name for name in tensors if name.startswith(prefix)]:
            del tensors[name]

    change_tensors(file, cut)
    assert word in only().problem


def test_any_block_of_the_unet_that_is_missing_is_noticed(checkpoint, only):
    file = checkpoint("sdxl")
    with safe_open(file, framework="pt") as opened:
        names = list(opened.keys())
    blocks = {name.split(".transformer_blocks.")[0] for name in names if "transformer_blocks.0.attn2" in name}
    assert len(blocks) == 4
    whole = load_file(file)
    for block in blocks:
        save_file({name: tensor for name, tensor in whole.items() if not name.startswith(f"{block}.")}, file)
        assert "not whole" in only().problem, block


@pytest.mark.parametrize(
    ("channels", "word"), [(8, "edit by instruction"), (5, "depth map"), (7, "to enlarge"), (6, "6 channels")]
)
def test_a_unet_that_takes_something_else_is_told(checkpoint, only, channels, word):
    file = checkpoint("sd15")
    change_tensors(file, lambda tensors: tensors.update({FIRST: torch.zeros(8, channels, 3, 3)}))
    info = only()
    assert word in info.problem
    assert info.family == "sd1"


@pytest.mark.parametrize(
    ("names", "word", "family"),
    [
        (["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"], "FLUX.1", "flux"),
        (["double_blocks.0.img_attn.qkv.weight", "distilled_guidance_layer.in_proj.weight"], "Chroma", "chroma"),
        (["double_blocks.0.img_attn.qkv.weight", "double_stream_modulation_img.lin.weight"], "FLUX.2", "flux2"),
        (["model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"], "Stable Diffusion 3.x", "sd3"),
        (["noise_refiner.0.attention.qkv.weight", "x_pad_token"], "Z-Image", "zimage"),
        # Lumina, of the same make
        (["noise_refiner.0.attention.qkv.weight"], "no kind that this version knows", ""),
        (["transformer_blocks.0.img_mlp.net.0.proj.weight"], "Qwen-Image", "qwen"),
        (["lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight"], "a LoRA", ""),
        (["transformer.double_blocks.0.img_attn.qkv.lora_A.weight"], "a LoRA", ""),
        (["control_model.input_blocks.0.0.weight"], "a ControlNet", ""),
        (["emb_params"], "an embedding", ""),
        (["decoder.conv_in.weight", "encoder.down_blocks.0.resnets.0.conv1.weight"], "a VAE alone", ""),
        (["down_blocks.0.resnets.0.conv1.weight"], "one component", ""),
        (["encoder.block.0.layer.0.SelfAttention.q.weight"], "a text encoder alone", ""),
        (["something.else"], "no kind that this version knows", ""),
    ],
)
def test_other_files_are_told_apart(shelf, only, names, word, family):
    save_file({name: torch.zeros(1) for name in names}, shelf / "file.safetensors")
    info = only()
    assert word in info.problem
    assert info.family == family


def test_what_a_transformer_alone_lacks_is_told(shelf, only):
    save_file({"x_pad_token": torch.zeros(1)}, shelf / "file.safetensors")
    assert "Its text encoders and VAE are not in it" in only().problem
    whole = ("model.diffusion_model.x_pad_token", "vae.decoder.x", "text_encoders.t5xxl.x")
    save_file({name: torch.zeros(1) for name in whole}, shelf / "file.safetensors")
    assert "are not in it" not in only().problem


def real_shapes(layout, in_channels=4):
    blocks = layout.read(UnetBlocks, "unet/config.json")
    shapes = {
        FIRST: (320, in_channels, 3, 3),
        **unet_shapes(blocks),
        **vae_shapes(layout.read(VaeBlocks, "vae/config.json")),
    }
    text = layout.read(TextLayers, "text_encoder/config.json")
    if layout.family == "sd1":
        return shapes | clip_shapes("cond_stage_model.transformer.", text)
    second = layout.read(TextLayers, "text_encoder_2/config.json")
    shapes |= clip_shapes("conditioner.embedders.0.transformer.", text)
    return shapes | open_clip_shapes("conditioner.embedders.1.model.", second)


@pytest.mark.parametrize(("layout", "native", "multiple"), [(UNPATCHED[0], 512, 64), (UNPATCHED[1], 1024, 32)])
def test_files_of_the_real_sizes_are_known(shelf, entry, layout, native, multiple):
    sparse(shelf / "real.safetensors", real_shapes(layout))
    facts = entry().facts
    assert (facts.family, facts.variant, facts.native, facts.multiple) == (layout.family, "base", native, multiple)
    sparse(shelf / "real.safetensors", real_shapes(layout, in_channels=9))
    assert entry().facts.variant == "inpaint"


# tensors of the published checkpoints, as their makers' code names them, at the ends of each part
PUBLISHED = {
    "sd1": {
        "model.diffusion_model.input_blocks.11.0.in_layers.2.weight": (1280, 1280),
        "model.diffusion_model.input_blocks.8.1.transformer_blocks.0.attn2.to_k.weight": (1280, 768),
        "model.diffusion_model.output_blocks.11.0.in_layers.2.weight": (320, 640),
        "model.diffusion_model.output_blocks.2.1.conv.weight": (1280, 1280),
        "model.diffusion_model.output_blocks.8.2.conv.weight": (640, 640),
        "first_stage_model.decoder.up.3.block.0.conv2.weight": (512, 512),
    },
    "sdxl": {
        "model.diffusion_model.label_emb.0.0.weight": (1280, 2816),
        "model.diffusion_model.input_blocks.4.1.transformer_blocks.1.attn2.to_k.weight": (640, 2048),
        "model.diffusion_model.input_blocks.8.1.transformer_blocks.9.attn2.to_k.weight": (1280, 2048),
        "model.diffusion_model.output_blocks.8.0.in_layers.2.weight": (320, 640),
        "model.diffusion_model.output_blocks.0.1.transformer_blocks.9.attn2.to_k.weight": (1280, 2048),
        "model.diffusion_model.output_blocks.2.2.conv.weight": (1280, 1280),
        "conditioner.embedders.1.model.text_projection": (1280, 1280),
    },
}


@pytest.mark.parametrize("layout", UNPATCHED, ids=lambda layout: layout.family)
def test_names_and_shapes_are_those_of_the_published_checkpoints(layout):
    shapes = real_shapes(layout)
    for name, shape in PUBLISHED[layout.family].items():
        assert shapes[name] == shape
    numbered = {int(name.split(".")[3]) for name in shapes if ".input_blocks." in name}
    assert numbered == set(range(12 if layout.family == "sd1" else 9))


@pytest.mark.parametrize("layout", UNPATCHED, ids=lambda layout: layout.family)
def test_the_shipped_configurations_make_models_of_the_published_sizes(layout):
    # weights of runwayml's and Stability's checkpoints
    sizes = {"sd1": (859_520_964, 83_653_863), "sdxl": (2_567_463_684, 83_653_863)}
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(layout.folder / "unet"))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(layout.folder / "vae"))
    assert (unet.num_parameters(), vae.num_parameters()) == sizes[layout.family]


@pytest.mark.parametrize(
    ("layout", "tokenizer", "pad"),
    [(UNPATCHED[0], "tokenizer", 49407), (UNPATCHED[1], "tokenizer", 49407), (UNPATCHED[1], "tokenizer_2", 0)],
)
def test_the_shipped_tokenizers_are_clips(tmp_path, layout, tokenizer, pad):
    layout.unpack(tmp_path / "model", tmp_path / "none", {})
    clip = CLIPTokenizer.from_pretrained(tmp_path / "model" / tokenizer)
    assert len(clip) == 49408
    # as in OpenAI's notebooks
    assert clip("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]
    assert clip("a diagram").input_ids == [49406, 320, 22697, 49407]
    padded = clip("", padding="max_length").input_ids
    assert (len(padded), padded[-1]) == (77, pad)
