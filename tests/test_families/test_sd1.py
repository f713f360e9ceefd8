from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from backend.families import sd1
from backend.families.adapter import Adapter, Load, NoSuchLayer, UnusableModel
from backend.families.clip_text import MAX_CHUNKS
from backend.prompts import Prompt
from protocol import Extent

A_HOUSE = Prompt.of("a house")
CPU = torch.device("cpu")
WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def adapter(tiny_sd15):
    return sd1.load(tiny_sd15, CPU, torch.float32)


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_it_is_an_adapter(adapter):
    load: Load = sd1.load
    kept: Adapter = adapter
    assert callable(load)
    assert kept.device == CPU


def test_all_parts_have_the_asked_dtype_whatever_is_on_disk(tiny_copy):
    for file in tiny_copy.glob("*/*.safetensors"):
        save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file, {"format": "pt"})
    parts = sd1.load(tiny_copy, CPU, torch.float32)._parts
    for part in (parts.unet, parts.vae, parts.text_encoder):
        assert {weight.dtype for weight in part.parameters()} == {torch.float32}


def test_reads_half_precision_where_nothing_else_is_there(tiny_copy):
    for file in tiny_copy.glob("*/*.safetensors"):
        save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file, {"format": "pt"})
        file.rename(file.with_suffix(".fp16.safetensors"))
    assert sd1.load(tiny_copy, CPU, torch.float32).encode_text(A_HOUSE, None).hidden.dtype == torch.float32


def test_latent_scale_comes_from_the_vae(adapter):
    assert adapter.latent_scale == 8
    assert adapter.latent_shape(Extent(64, 48)) == (1, 4, 6, 8)
    with pytest.raises(ValueError, match="multiple of 8"):
        adapter.latent_shape(Extent(64, 47))


def test_conditioning_has_a_row_per_prediction(adapter):
    assert adapter.encode_text(A_HOUSE, None).rows == 1
    guided = adapter.encode_text(A_HOUSE, Prompt())
    assert guided.rows == 2
    assert torch.equal(guided.hidden[1:], adapter.encode_text(A_HOUSE, None).hidden)
    assert torch.equal(guided.hidden[:1], adapter.encode_text(Prompt(), None).hidden)


def test_says_which_end_of_a_prompt_was_not_read(adapter):
    room = 75 * MAX_CHUNKS
    assert adapter.encode_text(Prompt.of("x" * room), None).unread == ""
    assert adapter.encode_text(Prompt.of("x" * room + " yz"), None).unread == "yz"
    assert adapter.encode_text(A_HOUSE, Prompt.of("x" * room + " yz")).unread == "yz"


def test_prompt_and_negative_prompt_are_of_one_length(adapter):
    for prompt, negative in ((A_HOUSE, Prompt.of("x" * 200)), (Prompt.of("x" * 200), A_HOUSE)):
        hidden = adapter.encode_text(prompt, negative).hidden
        assert hidden.shape == (2, 3 * 77, 32)
        assert torch.equal(hidden[1:, :77], adapter.encode_text(prompt, None).hidden[:, :77])
        assert torch.equal(hidden[:1, :77], adapter.encode_text(negative, None).hidden[:, :77])


def test_another_layer_may_speak(adapter):
    last, other = (adapter.encode_text(replace(A_HOUSE, clip_skip=skip), None).hidden for skip in (1, 2))
    assert torch.equal(last, adapter.encode_text(A_HOUSE, None).hidden)
    assert not torch.allclose(last, other)
    with pytest.raises(NoSuchLayer, match="2 layers"):
        adapter.encode_text(replace(A_HOUSE, clip_skip=3), None)


def test_encoding_is_a_distribution_sampled_by_the_generator(adapter):
    encoded = adapter.encode_image(torch.zeros(1, 3, 32, 32))
    one, same, other = (encoded.sample([torch.Generator().manual_seed(seed)]) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_decoder_can_be_turned_to_full_precision(tiny_sd15):
    half = sd1.load(tiny_sd15, CPU, torch.bfloat16)
    assert not half.decodes_in_full
    half.decode_in_full()
    assert half.decodes_in_full
    assert half.decode(torch.zeros(1, 4, 4, 4)).dtype == torch.float32


class _Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (open, (str(self.mark), "w"))


@pytest.mark.parametrize(
    ("part", "pickled"),
    [
        ("unet", "diffusion_pytorch_model.bin"),
        ("vae", "diffusion_pytorch_model.bin"),
        ("text_encoder", "pytorch_model.bin"),
    ],
)
def test_a_pickle_is_never_opened(tiny_copy, tmp_path, part, pickled):
    next((tiny_copy / part).glob("*.safetensors")).unlink()
    (tiny_copy / part / pickled).write_bytes(pickle.dumps(_Trap(tmp_path / "opened")))
    with pytest.raises(OSError, match="safetensors"):
        sd1.load(tiny_copy, CPU, torch.float32)
    assert not (tmp_path / "opened").exists()


def test_a_pickle_called_safetensors_is_never_opened(tiny_copy, tmp_path):
    (tiny_copy / "unet" / WEIGHTS).write_bytes(pickle.dumps(_Trap(tmp_path / "opened")))
    with pytest.raises(Exception, match=r"(?i)safetensors|header"):
        sd1.load(tiny_copy, CPU, torch.float32)
    assert not (tmp_path / "opened").exists()


def test_no_code_from_the_model_folder_is_run(tiny_copy, tmp_path):
    (tiny_copy / "unet" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    change(tiny_copy / "unet" / "config.json", auto_map={"AutoModel": "evil.Model"})
    change(tiny_copy / "text_encoder" / "config.json", auto_map={"AutoModel": "evil.Model"})
    sd1.load(tiny_copy, CPU, torch.float32)
    assert not (tmp_path / "ran").exists()


def test_another_kind_of_vae_is_refused(tiny_copy):
    change(tiny_copy / "vae" / "config.json", _class_name="AutoencoderKLWan")
    with pytest.raises(UnusableModel, match="VAE"):
        sd1.load(tiny_copy, CPU, torch.float32)


def test_a_denoiser_that_wants_something_else_beside_the_latents_is_refused(tiny_copy):
    weights = load_file(tiny_copy / "unet" / WEIGHTS)
    weights["conv_in.weight"] = torch.cat([weights["conv_in.weight"]] * 2, dim=1)[:, :7].contiguous()
    save_file(weights, tiny_copy / "unet" / WEIGHTS, {"format": "pt"})
    change(tiny_copy / "unet" / "config.json", in_channels=7)
    with pytest.raises(UnusableModel, match="more than a picture and a mask"):
        sd1.load(tiny_copy, CPU, torch.float32)


def test_a_damaged_configuration_is_named(tiny_copy):
    (tiny_copy / "scheduler" / "scheduler_config.json").write_text("{")
    with pytest.raises(UnusableModel, match=r"scheduler/scheduler_config\.json"):
        sd1.load(tiny_copy, CPU, torch.float32)


def test_distilled_model_is_told_of_the_guidance(tiny_copy):
    """LCM-like UNets take the guidance scale as an input instead of a second prediction."""
    change(tiny_copy / "unet" / "config.json", time_cond_proj_dim=16)
    weights = load_file(tiny_copy / "unet" / WEIGHTS)
    torch.manual_seed(1)
    weights["time_embedding.cond_proj.weight"] = torch.randn(8, 16)
    save_file(weights, tiny_copy / "unet" / WEIGHTS, {"format": "pt"})
    adapter = sd1.load(tiny_copy, CPU, torch.float32)
    assert not adapter.classifier_free
    with torch.inference_mode():
        text = adapter.encode_text(A_HOUSE, None)
        weak, strong = (adapter.predict(torch.ones(1, 4, 4, 4), torch.tensor(10), text, scale) for scale in (1.0, 8.0))
    assert not torch.allclose(weak, strong)
