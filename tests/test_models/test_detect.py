"""What is found out of a model's own files, and what each kind of broken one is told to be."""

import json
import shutil

import pytest
from diffusers import UNet2DConditionModel

from protocol import Context


def test_a_sound_model_is_known_by_its_own_files(model, entry):
    found = entry()
    facts = found.facts
    assert found.folder == model.resolve()
    assert (facts.title, facts.family, facts.adapter) == ("My Model 1.5", "sd1", "sd1")
    assert (facts.native, facts.vae_scale, facts.multiple) == (128, 8, 16)
    assert (facts.text_length, facts.prediction, facts.latent_channels) == (77, "epsilon", 4)
    assert (facts.least_side, facts.most_pixels, facts.context) == (64, 192 * 192, Context(0.5, 128))
    assert (found.info.native, found.info.multiple, found.info.context) == (128, 16, Context(0.5, 128))


def test_what_diffusers_measures_is_what_the_facts_say(model, entry, change):
    from diffusers import StableDiffusionPipeline

    change(model / "scheduler" / "scheduler_config.json", prediction_type="v_prediction")
    facts = entry().facts
    pipeline = StableDiffusionPipeline.from_pretrained(model, local_files_only=True)
    assert facts.vae_scale == pipeline.vae_scale_factor
    assert facts.native == pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    assert facts.text_length == pipeline.tokenizer.model_max_length
    assert facts.prediction == pipeline.scheduler.config.prediction_type
    assert facts.multiple == facts.vae_scale * 2**pipeline.unet.num_upsamplers


def test_a_native_size_in_two_numbers_or_none_is_understood(model, entry, change):
    change(model / "unet" / "config.json", sample_size=[16, 24])
    assert entry().facts.native == 192
    change(model / "unet" / "config.json", sample_size=None)
    assert entry().facts.native == 512


def test_half_precision_alone_is_a_whole_model(model, entry):
    for part, stem in (
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ):
        (model / part / f"{stem}.safetensors").rename(model / part / f"{stem}.fp16.safetensors")
    entry()


def shard(model) -> None:
    unet = UNet2DConditionModel.from_pretrained(model / "unet")
    shutil.rmtree(model / "unet")
    unet.save_pretrained(model / "unet", max_shard_size="40KB")


def test_weights_in_shards_are_a_whole_model(model, only, entry):
    shard(model)
    shards = sorted((model / "unet").glob("*.safetensors"))
    assert len(shards) > 1
    entry()
    shards[1].unlink()
    assert shards[1].name in only().problem


def test_shards_cannot_lead_elsewhere(model, only, change):
    shard(model)
    index = model / "unet" / "diffusion_pytorch_model.safetensors.index.json"
    for place in ("../vae/diffusion_pytorch_model.safetensors", "/etc/passwd", "..\\x.safetensors"):
        change(index, weight_map={"conv_in.weight": place})
        assert "cannot be right" in only().problem


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_component_is_named(model, only, part):
    shutil.rmtree(model / part)
    assert part in only().problem


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_component_cut_short_is_told(model, only, part):
    weights = next((model / part).glob("*.safetensors"))
    with weights.open("rb+") as stream:
        stream.truncate(weights.stat().st_size - 1)
    assert "cut short" in only().problem
    assert part in only().problem


def test_pickled_weights_are_refused_by_content(model, only):
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(b"\x80\x04\x95" + bytes(100))
    assert "pickle" in only().problem
    weights.rename(weights.with_suffix(".bin"))
    assert "pickle" in only().problem
    assert "safetensors version" in only().problem


@pytest.mark.parametrize(
    ("file", "changes", "word"),
    [
        ("unet/config.json", {"in_channels": 9}, "do not fit"),
        ("unet/config.json", {"in_channels": 5}, "a depth map"),
        ("unet/config.json", {"in_channels": 8}, "edit by instruction"),
        ("unet/config.json", {"cross_attention_dim": 768}, "not of the same model"),
        ("unet/config.json", {"cross_attention_dim": [1, 2]}, "expected int, got array"),
        ("unet/config.json", {"class_embed_type": "projection"}, "projection"),
        ("unet/config.json", {"block_out_channels": [16, 16]}, "do not fit"),
        ("unet/config.json", {"block_out_channels": []}, "impossible"),
        ("unet/config.json", {"sample_size": 0}, "impossible"),
        ("vae/config.json", {"latent_channels": 16}, "do not fit"),
        ("text_encoder/config.json", {"vocab_size": 5}, "do not fit"),
        ("tokenizer/tokenizer_config.json", {"model_max_length": 500}, "not of the same model"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "trained in a way"),
        ("scheduler/scheduler_config.json", {"_class_name": "FlowMatchEulerDiscreteScheduler"}, "trained in a way"),
        ("model_index.json", {"vae": ["diffusers", "AsymmetricAutoencoderKL"]}, "AsymmetricAutoencoderKL"),
        ("model_index.json", {"vae": [None, None]}, "no vae"),
    ],
)
def test_what_cannot_be_run_says_why(model, only, change, file, changes, word):
    change(model / file, **changes)
    info = only()
    assert word in info.problem
    assert info.family == "sd1"


@pytest.mark.parametrize(
    "changes",
    [
        {"_class_name": "FluxPipeline", "unet": None},
        {"_class_name": "KolorsPipeline", "text_encoder": ["kolors", "ChatGLMModel"]},
        {"_class_name": "CustomPipeline", "unet": ["my_code", "UNet2DConditionModel"]},
    ],
)
def test_an_unknown_family_is_listed_by_its_name(model, only, change, changes):
    change(model / "model_index.json", **changes)
    info = only()
    assert changes["_class_name"] in info.problem
    assert info.family == ""


def test_what_a_pipeline_calls_itself_does_not_matter(model, entry, change):
    change(model / "model_index.json", _class_name="SomebodysOwnPipeline")
    entry()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"in_channels": 4, "in_channels": 4}', "\x00", '{"a": Infinity}'])
@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"])
def test_a_broken_configuration_is_named(model, only, file, content):
    (model / file).write_text(content, encoding="utf-8")
    assert f"{file} is damaged" in only().problem


def test_a_configuration_without_end_is_not_read(model, only):
    (model / "unet" / "config.json").write_text(json.dumps({"x": "y" * 5_000_000}), encoding="utf-8")
    assert "larger than any" in only().problem


def test_a_file_that_leads_outside_is_refused(model, only, tmp_path):
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    elsewhere = tmp_path / "elsewhere.safetensors"
    weights.rename(elsewhere)
    weights.symlink_to(elsewhere)
    assert "outside" in only().problem


def test_a_file_that_leads_elsewhere_inside_is_fine(model, shelf, entry):
    # as in a cache of the hub, where snapshots are links to blobs
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    blob = shelf / ".blobs" / "0123"
    blob.parent.mkdir()
    weights.rename(blob)
    weights.symlink_to(blob)
    entry()
