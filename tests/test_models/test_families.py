"""What is known of a model of each family, read off files of diffusers' own layout; and what broken ones are told to be."""

import json
import random
import shutil

import pytest
from safetensors.torch import load_file, save_file

from backend.families.facts import FAMILIES
from backend.models import NotUsable, runnable
from backend.models.detect import detect
from backend.models.folder import ModelFolder
from protocol import MAX_LAYERS

# fixture's name: family, variant, references, kind of guidance, steps, guidance scale
KNOWN = {
    "sd15": ("sd1", "base", 0, "classifier_free", 25, 7.5),
    "sd15_inpaint": ("sd1", "inpaint", 0, "classifier_free", 25, 7.5),
    "sdxl": ("sdxl", "base", 0, "classifier_free", 30, 5.0),
    "sdxl_inpaint": ("sdxl", "inpaint", 0, "classifier_free", 30, 5.0),
    "sdxl_turbo": ("sdxl", "base", 0, "classifier_free", 4, 1.0),
    "sdxl_lcm": ("sdxl", "base", 0, "embedded", 4, 8.0),
    "sd3": ("sd3", "base", 0, "classifier_free", 28, 4.5),
    "sd3_large": ("sd3", "base", 0, "classifier_free", 28, 4.5),
    "flux": ("flux", "base", 0, "embedded", 28, 3.5),
    "flux_schnell": ("flux", "base", 0, "none", 4, 1.0),
    "flux_fill": ("flux", "inpaint", 0, "embedded", 50, 30.0),
    "flux_kontext": ("flux", "edit", 1, "embedded", 28, 2.5),
    "flux2": ("flux2", "base", 6, "embedded", 28, 4.0),
    "flux2_klein": ("flux2", "base", 4, "none", 4, 1.0),
    "flux2_klein_base": ("flux2", "base", 4, "classifier_free", 50, 4.0),
    "zimage": ("zimage", "base", 0, "classifier_free", 8, 1.0),
    "qwen": ("qwen", "base", 0, "classifier_free", 50, 4.0),
    "qwen_edit": ("qwen", "edit", 1, "classifier_free", 50, 4.0),
    "qwen_edit_plus": ("qwen", "edit", 3, "classifier_free", 50, 4.0),
    "qwen_layered": ("qwen", "layered", 1, "classifier_free", 50, 4.0),
    "ovis": ("ovis", "base", 0, "classifier_free", 50, 5.0),
    "longcat": ("longcat", "base", 0, "classifier_free", 50, 4.5),
    "longcat_edit": ("longcat", "edit", 1, "classifier_free", 50, 4.5),
    "chroma": ("chroma", "base", 0, "classifier_free", 40, 3.0),
}

# pixels per latent, and channels of a latent, as a family's adapter has them
LATENTS = {"sd1": (8, 4), "sdxl": (8, 4), "flux2": (16, 128)}

EVERY = pytest.mark.parametrize("name", KNOWN)
ONE_EACH = ["sdxl", "sd3", "flux", "flux2", "flux2_klein", "zimage", "qwen_edit", "ovis", "longcat_edit", "chroma"]


@pytest.fixture(autouse=True)
def every_adapter_is_there(monkeypatch):
    monkeypatch.setattr(runnable, "_has_adapter", lambda name: True)


@pytest.fixture
def copy_of(request, tmp_path):
    """A tiny model to be broken, by its fixture's name."""

    def make(name):
        return shutil.copytree(request.getfixturevalue(f"tiny_{name}"), tmp_path / name)

    return make


def facts_of(path):
    return detect(ModelFolder(path, path), "id", "Title")


def problem_of(path) -> str:
    with pytest.raises(NotUsable) as refused:
        facts_of(path)
    return str(refused.value)


def components(path):
    index = json.loads((path / "model_index.json").read_text("utf-8"))
    return [name for name, entry in index.items() if isinstance(entry, list) and entry[0]]


def with_weights(path):
    return [name for name in components(path) if list((path / name).glob("*.safetensors"))]


@EVERY
def test_a_model_is_known_by_its_files(request, name):
    facts = facts_of(request.getfixturevalue(f"tiny_{name}"))
    known = (facts.family, facts.variant, facts.references, facts.guidance_kind, facts.steps, facts.guidance)
    assert known == KNOWN[name]
    assert (facts.vae_scale, facts.latent_channels) == LATENTS.get(facts.family, (8, 16))
    assert facts.multiple == 16
    assert facts.negative_prompt == (facts.guidance_kind == "classifier_free")
    assert facts.prediction == ("epsilon" if facts.family in ("sd1", "sdxl") else "flow")
    assert facts.weights == (facts.family in ("sd1", "sdxl"))
    assert facts.sampler in facts.samplers == FAMILIES[facts.family].samplers


@pytest.mark.parametrize("name", ONE_EACH)
def test_any_part_that_is_missing_is_named(copy_of, name):
    model = copy_of(name)
    for part in components(model):
        (model / part).rename(model / "away")
        assert part in problem_of(model)
        (model / "away").rename(model / part)
    facts_of(model)


@pytest.mark.parametrize("name", ONE_EACH)
def test_any_part_cut_short_or_pickled_is_told(copy_of, name):
    model = copy_of(name)
    for part in with_weights(model):
        weights = next((model / part).glob("*.safetensors"))
        whole = weights.read_bytes()
        weights.write_bytes(whole[:-1])
        assert f"{part}/{weights.name} is cut short" in problem_of(model)
        weights.write_bytes(b"\x80\x04\x95" + bytes(100))
        assert "pickle" in problem_of(model)
        weights.write_bytes(whole)


@pytest.mark.parametrize("name", [name for name in ONE_EACH if name != "sdxl"])
def test_a_transformer_in_shards_of_half_precision_is_a_whole_model(copy_of, name):
    import diffusers

    model = copy_of(name)
    folder = model / "transformer"
    loaded = getattr(diffusers, json.loads((folder / "config.json").read_text())["_class_name"]).from_pretrained(folder)
    shutil.rmtree(folder)
    loaded.save_pretrained(folder, max_shard_size="60KB", variant="fp16")
    shards = sorted(folder.glob("*.safetensors"))
    assert len(shards) > 1
    facts_of(model)
    shards[-1].unlink()
    assert shards[-1].name in problem_of(model)


@pytest.mark.parametrize(
    ("name", "file", "changes", "word"),
    [
        ("sdxl", "unet/config.json", {"addition_embed_type": "text_image"}, "text_image"),
        ("sdxl", "unet/config.json", {"addition_embed_type": None}, "text_time"),
        ("sdxl", "unet/config.json", {"cross_attention_dim": 64}, "reads text 64 wide"),
        ("sdxl", "unet/config.json", {"projection_class_embeddings_input_dim": 81}, "summary 33 wide"),
        ("sdxl", "model_index.json", {"text_encoder": [None, None]}, "refiner"),
        ("sd3", "transformer/config.json", {"pooled_projection_dim": 32}, "summary 32 wide"),
        ("sd3", "transformer/config.json", {"in_channels": 4}, "do not fit"),
        ("flux", "transformer/config.json", {"pooled_projection_dim": 64}, "summary 64 wide"),
        ("flux", "transformer/config.json", {"joint_attention_dim": 64}, "do not fit"),
        ("flux", "transformer/config.json", {"out_channels": 32}, "VAE has 16 latent channels, its transformer 8"),
        ("flux", "transformer/config.json", {"quantization_config": {"load_in_4bit": True}}, "quantized"),
        ("flux", "scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "trained in a way"),
        ("flux", "model_index.json", {"vae": ["diffusers", "AutoencoderKLQwenImage"]}, "AutoencoderKLQwenImage"),
        ("flux2", "vae/config.json", {"latent_channels": 16}, "do not fit"),
        ("flux2", "vae/config.json", {"patch_size": [2, 1]}, "impossible"),
        ("zimage", "transformer/config.json", {"siglip_feat_dim": 1152}, "Omni"),
        ("zimage", "text_encoder/config.json", {"hidden_size": 32}, "do not fit"),
        ("zimage", "transformer/config.json", {"axes_lens": [1024, 512]}, "impossible"),
        ("zimage", "transformer/config.json", {"axes_lens": [1024, 0, 512]}, "does not fit"),
        ("qwen", "vae/config.json", {"temperal_downsample": [True]}, "impossible"),
        ("qwen", "transformer/config.json", {"in_channels": 30}, "do not fit"),
        ("qwen_edit", "processor/preprocessor_config.json", None, "processor/preprocessor_config.json is missing"),
        ("longcat_edit", "model_index.json", {"text_processor": [None, None]}, "no text_processor"),
        ("chroma", "text_encoder/config.json", {"vocab_size": 5}, "do not fit"),
        ("chroma", "tokenizer/tokenizer.json", None, "tokenizer/tokenizer.json is missing"),
        ("sdxl", "scheduler/scheduler_config.json", {"_class_name": "EDMEulerScheduler"}, "trained in a way"),
        ("ovis", "tokenizer/tokenizer.json", None, "tokenizer/vocab.json is missing"),
    ],
)
def test_what_cannot_be_run_says_why(copy_of, change, name, file, changes, word):
    model = copy_of(name)
    if changes is None:
        (model / file).unlink()
    else:
        change(model / file, **changes)
    assert word in problem_of(model)


@pytest.mark.parametrize(
    ("name", "other", "word"),
    [
        ("flux", "sd15", "VAE has 4 latent channels, its transformer 16"),
        ("sd3", "sdxl", "VAE has 4 latent channels, its transformer 16"),
        ("zimage", "sd15", "VAE has 4 latent channels, its transformer 16"),
        ("chroma", "sd15", "VAE has 4 latent channels, its transformer 16"),
        ("ovis", "sd15", "VAE has 4 latent channels, its transformer 16"),
        ("longcat", "sd15", "VAE has 4 latent channels, its transformer 16"),
        ("sdxl", "flux", "VAE has 16 latent channels, its UNet 4"),
    ],
)
def test_a_vae_of_another_family_is_told(copy_of, request, name, other, word):
    model = copy_of(name)
    shutil.rmtree(model / "vae")
    shutil.copytree(request.getfixturevalue(f"tiny_{other}") / "vae", model / "vae")
    assert word in problem_of(model)


def test_a_text_encoder_of_another_width_is_told(copy_of, request):
    model = copy_of("flux2_klein")
    shutil.rmtree(model / "text_encoder")
    shutil.copytree(request.getfixturevalue("tiny_ovis") / "text_encoder", model / "text_encoder")
    assert "reads text 48 wide, its text encoder writes 96" in problem_of(model)


def test_a_transformer_that_takes_edges_or_depths_is_told(copy_of, change):
    model = copy_of("flux")
    weights = model / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["x_embedder.weight"] = tensors["x_embedder.weight"].repeat(1, 2)
    save_file(tensors, weights)
    change(model / "transformer" / "config.json", in_channels=128)
    assert "edges or depths" in problem_of(model)


def test_only_the_model_for_layers_makes_some(tiny_qwen_layered, tiny_qwen_edit):
    layered, edit = facts_of(tiny_qwen_layered), facts_of(tiny_qwen_edit)
    assert (layered.layers, edit.layers) == (MAX_LAYERS, 0)
    # each is best at the size that its makers let it paint
    assert (layered.native, edit.native) == (640, 1024)
    assert layered.most_pixels < edit.most_pixels


def test_a_vae_with_transparency_makes_a_model_for_layers(tiny_qwen_layered, tmp_path):
    """The setting of the denoiser alone could be missing, as it is where it was saved by an older library."""
    model = shutil.copytree(tiny_qwen_layered, tmp_path / "model")
    config = json.loads((model / "transformer" / "config.json").read_text("utf-8"))
    del config["use_layer3d_rope"]
    (model / "transformer" / "config.json").write_text(json.dumps(config), "utf-8")
    assert facts_of(model).variant == "layered"


@pytest.mark.parametrize(
    ("name", "file", "changes", "expected"),
    [
        # SDXL Turbo and SD Turbo
        ("sdxl", "scheduler/scheduler_config.json", {"timestep_spacing": "trailing"}, (4, 1.0, "classifier_free")),
        # NoobAI's v-prediction begins at the noisiest time as well, but was not distilled
        (
            "sdxl",
            "scheduler/scheduler_config.json",
            {"timestep_spacing": "trailing", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True},
            (30, 5.0, "classifier_free"),
        ),
        ("sdxl", "scheduler/scheduler_config.json", {"_class_name": "LCMScheduler"}, (4, 1.0, "classifier_free")),
        ("sd15", "unet/config.json", {"time_cond_proj_dim": 256}, (4, 8.0, "embedded")),
        # schnell's shapes, but trained at times that move with the size
        ("flux_schnell", "scheduler/scheduler_config.json", {"use_dynamic_shifting": True}, (28, 1.0, "none")),
        ("zimage", "scheduler/scheduler_config.json", {"shift": 6.0}, (28, 4.0, "classifier_free")),
    ],
)
def test_distilled_models_are_known_by_what_their_files_say(copy_of, change, name, file, changes, expected):
    model = copy_of(name)
    change(model / file, **changes)
    facts = facts_of(model)
    assert (facts.steps, facts.guidance, facts.guidance_kind) == expected


def test_a_latent_consistency_model_has_its_own_sampler(copy_of, change):
    model = copy_of("sd15")
    change(model / "scheduler" / "scheduler_config.json", _class_name="LCMScheduler")
    assert facts_of(model).sampler == "lcm"


def test_a_model_that_sees_the_surroundings_need_not_have_them_shine_through(request):
    inpaint, base = (facts_of(request.getfixturevalue(f"tiny_{name}")) for name in ("flux_fill", "flux"))
    assert (inpaint.wordless_strength, base.wordless_strength) == (1.0, 0.75)


def test_only_the_medium_one_of_sd3_paints_more_than_a_megapixel(copy_of, change):
    model = copy_of("sd3")
    assert facts_of(model).most_pixels == 1440 * 1440
    change(model / "transformer" / "config.json", dual_attention_layers=[])
    assert facts_of(model).most_pixels == FAMILIES["sd3"].most_pixels


@pytest.mark.parametrize(("told", "full"), [(True, True), (False, False), (None, True)])
def test_a_vae_of_sdxl_that_overflows_takes_its_memory_in_full(copy_of, change, told, full):
    model = copy_of("sdxl")
    change(model / "vae" / "config.json", force_upcast=told)
    facts = facts_of(model)
    assert facts.full_vae == full
    memory = 8 * 1024**3
    halves = facts.pixels_in(memory, "cuda") * facts.pixel_bytes // (memory // 2 - facts.pixel_bytes)
    assert halves == (1 if full else 2)
    # a processor may have to calculate in float32, whatever the facts say
    assert facts.pixels_in(memory, "cpu") == memory // 2 // facts.pixel_bytes


def test_other_families_run_their_vae_in_half(tiny_sd15, tiny_flux):
    assert not facts_of(tiny_sd15).full_vae
    assert not facts_of(tiny_flux).full_vae


@pytest.mark.parametrize(
    ("name", "changes", "side"),
    [("sd3", {"pos_embed_max_size": 192}, 3072), ("zimage", {"axes_lens": [1536, 512, 256]}, 4096)],
)
def test_a_side_has_no_more_pixels_than_the_transformer_has_places(copy_of, change, name, changes, side):
    model = copy_of(name)
    assert facts_of(model).most_side == 96 * 16
    change(model / "transformer" / "config.json", **changes)
    assert facts_of(model).most_side == side


def test_most_families_have_places_for_any_side(tiny_flux, tiny_sd15):
    assert facts_of(tiny_flux).most_side is None
    assert facts_of(tiny_sd15).most_side is None


def test_sd3_may_do_without_t5_and_reads_as_far_as_clip_then(request):
    whole, spared = (facts_of(request.getfixturevalue(f"tiny_{name}")) for name in ("sd3", "sd3_large"))
    assert (whole.text_length, spared.text_length) == (256, 77)


def test_t5_of_another_library_is_not_taken_for_one_left_out(copy_of, change):
    model = copy_of("sd3")
    change(model / "model_index.json", text_encoder_3=["my_code", "T5EncoderModel"])
    assert "no text_encoder_3" in problem_of(model)


def test_a_family_without_an_adapter_is_listed_as_one_that_cannot_be_run(tiny_flux, monkeypatch):
    monkeypatch.setattr(runnable, "_has_adapter", lambda name: name == "sd1")
    problem = problem_of(tiny_flux)
    assert "FLUX.1 model, which this version cannot run yet" in problem
    assert "these families: Stable Diffusion 1.x." in problem


def test_settings_that_an_older_file_leaves_out_are_the_familys(copy_of, change):
    model = copy_of("flux2")
    change(model / "transformer" / "config.json", guidance_embeds=None)
    assert facts_of(model).guidance_kind == "embedded"


def test_settings_of_the_text_may_lie_at_the_top(copy_of, change):
    model = copy_of("qwen")
    config = model / "text_encoder" / "config.json"
    inner = json.loads(config.read_text("utf-8"))["text_config"]
    change(config, text_config=None, hidden_size=inner["hidden_size"], vocab_size=inner["vocab_size"])
    facts_of(model)
    change(config, text_config={"vocab_size": 5})
    assert "do not fit" in problem_of(model)


def test_a_processor_may_be_written_in_one_file(copy_of, change):
    model = copy_of("qwen_edit")
    old = model / "processor" / "preprocessor_config.json"
    change(model / "processor" / "processor_config.json", image_processor=json.loads(old.read_text("utf-8")))
    old.unlink()
    facts_of(model)


@pytest.mark.parametrize(
    ("name", "tokenizer"), [("chroma", "tokenizer"), ("flux", "tokenizer_2"), ("sd3", "tokenizer_3")]
)
def test_a_tokenizer_of_t5_may_be_of_the_older_form(copy_of, name, tokenizer):
    model = copy_of(name)
    (model / tokenizer / "tokenizer.json").rename(model / tokenizer / "spiece.model")
    facts_of(model)


ODD = [None, True, -1, 0, 10**40, 1.5, "", "x" * 300, [], [1, "a"], [-1, 10**9], [[1], [2]], {}, {"a": {"b": []}}]


def odd_configurations(model, count):
    """Some of all the ways to have one odd value in one configuration file, the same ones every time."""
    files = [file for file in sorted(model.rglob("*.json")) if file.name != "tokenizer.json"]
    ways = [(file, key, odd) for file in files for key in json.loads(file.read_text("utf-8")) for odd in ODD]
    return random.Random(0).sample(ways, count)


def is_read_or_refused(model):
    """Whether it is read; anything but NotUsable gets out."""
    try:
        facts_of(model)
    except NotUsable:
        return False
    return True


@pytest.mark.parametrize("name", ["sd15", "sdxl", "flux2", "qwen_edit"])
def test_whatever_a_configuration_says_it_is_read_or_refused(copy_of, name):
    model = copy_of(name)
    read = []
    for file, key, odd in odd_configurations(model, 150):
        whole = file.read_text("utf-8")
        file.write_text(json.dumps({**json.loads(whole), key: odd}), "utf-8")
        read.append(is_read_or_refused(model))
        file.write_text(whole, "utf-8")
    assert 10 < sum(read) < 140


def test_sizes_that_are_none_are_refused(copy_of, change):
    model = copy_of("sd15")
    change(model / "unet" / "config.json", sample_size=[1, "a"])
    assert "unet/config.json says something unexpected" in problem_of(model)
