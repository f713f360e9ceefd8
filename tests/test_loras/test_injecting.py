"""What goes into a model comes out of it again, and leaves nothing behind."""

from __future__ import annotations

import json

import pytest
import torch
from parity.measures import ours, sampled
from safetensors.torch import load_file, save_file
from tiny_models.loras import attention, random_pairs, save_kohya, save_peft

from backend.families.lora import UnfitLora, eject, inject, read_lora, turn_on


def everything(both):
    """All that a model is: its very modules in their order, their weights to the bit, and what hangs on them."""
    found = {}
    for name, component in both.adapter.parts.components.items():
        if isinstance(component, torch.nn.Module):
            found[name] = (
                [(path, id(module), sorted(vars(module))) for path, module in component.named_modules()],
                {key: value.clone() for key, value in component.state_dict().items()},
                [parameter.requires_grad for parameter in component.parameters()],
                [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in component.modules()],
            )
    return found


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        (modules, state, grad, hooks), (modules_2, state_2, grad_2, hooks_2) = one[name], other[name]
        assert [one for one in zip(modules, modules_2, strict=True) if one[0] != one[1]] == [], name
        assert (grad, hooks) == (grad_2, hooks_2), name
        assert list(state) == list(state_2)
        assert all(torch.equal(state[key], state_2[key]) for key in state)


@pytest.fixture
def ink(both, tmp_path):
    save_peft(tmp_path / "ink.safetensors", random_pairs(both.pipeline, attention))
    return tmp_path / "ink.safetensors"


def test_ejecting_leaves_the_model_as_it_was_to_the_bit(both, ink, tmp_path):
    save_peft(tmp_path / "wash.safetensors", random_pairs(both.pipeline, lambda name: True, seed=2))
    picture, before = ours(both, sampled(both)), everything(both)
    parts = both.adapter.parts
    for first, second in (("ink", "wash"), ("wash", "ink")):
        for name in ("ink", "wash"):
            inject(read_lora(tmp_path / f"{name}.safetensors", parts), name, parts)
        turn_on({"ink": 1.0, "wash": 0.5}, parts)
        assert not torch.equal(ours(both, sampled(both)), picture)
        eject(first, parts)
        turn_on({second: 1.0}, parts)
        assert not torch.equal(ours(both, sampled(both)), picture)
        eject(second, parts)
        same(everything(both), before)
        assert torch.equal(ours(both, sampled(both)), picture)


def test_one_that_is_silent_changes_no_bit(both, ink):
    picture = ours(both, sampled(both))
    inject(read_lora(ink, both.adapter.parts), "ink", both.adapter.parts)
    silent = ours(both, sampled(both))
    turn_on({"ink": 1.0}, both.adapter.parts)
    loud = ours(both, sampled(both))
    turn_on({}, both.adapter.parts)
    silenced = ours(both, sampled(both))
    eject("ink", both.adapter.parts)
    assert torch.equal(silent, picture)
    assert torch.equal(silenced, picture)
    assert not torch.equal(loud, picture)


def test_names_without_a_component_are_the_denoisers(both, tmp_path):
    parts = both.adapter.parts
    pairs = random_pairs(both.pipeline, attention)
    denoiser = next(iter(pairs))
    save_peft(tmp_path / "bare.safetensors", {denoiser: pairs[denoiser]})
    tensors = load_file(tmp_path / "bare.safetensors")
    save_file({name.partition(".")[2]: tensor for name, tensor in tensors.items()}, tmp_path / "bare.safetensors")
    lora = read_lora(tmp_path / "bare.safetensors", parts)
    assert (list(lora.components), lora.layers, lora.left_out) == ([denoiser], len(pairs[denoiser]), 0)


def test_layers_that_the_model_has_not_are_counted(sd1, tmp_path):
    save_peft(tmp_path / "ink.safetensors", random_pairs(sd1.pipeline, attention))
    tensors = load_file(tmp_path / "ink.safetensors")
    for half, shape in (("A", (4, 16)), ("B", (16, 4))):
        tensors[f"unet.down_blocks.7.attentions.0.to_q.lora_{half}.weight"] = torch.ones(shape)
    save_file(tensors, tmp_path / "ink.safetensors")
    lora = read_lora(tmp_path / "ink.safetensors", sd1.adapter.parts)
    assert (lora.left_out, lora.layers) == (1, (len(tensors) - 2) // 2)


@pytest.mark.parametrize("use_rslora", [False, True])
def test_settings_of_peft_in_the_header_say_how_strong_it_is(sd1, tmp_path, use_rslora):
    pairs = {"unet": random_pairs(sd1.pipeline, attention)["unet"]}
    odd = next(name for name in pairs["unet"] if name.endswith("attn2.to_v"))
    settings = {"unet.r": 4, "unet.lora_alpha": 8, "unet.alpha_pattern": {odd: 2}, "unet.use_rslora": use_rslora}
    save_peft(tmp_path / "ink.safetensors", pairs, {"lora_adapter_metadata": json.dumps(settings)})
    read = read_lora(tmp_path / "ink.safetensors", sd1.adapter.parts).components["unet"]
    for name, (_, up) in pairs["unet"].items():
        alpha = 2 if name == odd else 8
        torch.testing.assert_close(read[name].up, up * alpha / (2 if use_rslora else 4))


def test_embeddings_that_a_file_carries_along_do_not_disturb(sd1, tmp_path):
    pairs = random_pairs(sd1.pipeline, attention)
    save_kohya(tmp_path / "ink.safetensors", pairs, 4.0)
    tensors = load_file(tmp_path / "ink.safetensors") | {"bundle_emb.my_lora.string_to_param.*": torch.ones(2, 32)}
    save_file(tensors, tmp_path / "ink.safetensors")
    lora = read_lora(tmp_path / "ink.safetensors", sd1.adapter.parts)
    assert (lora.layers, lora.left_out) == (sum(map(len, pairs.values())), 0)


def changed(file, change):
    tensors = load_file(file)
    save_file(change(tensors) or tensors, file)
    return file


def first(tensors, ending):
    return next(name for name in tensors if name.endswith(ending))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.update({first(t, "A.weight"): torch.full((4, 16), float("nan"))}), "no number"),
        (lambda t: {name: tensor for name, tensor in t.items() if name != first(t, "B.weight")}, "no pair"),
        (lambda t: t.update({first(t, "B.weight"): torch.ones(9, 4)}), "other sizes"),
        (lambda t: t.update({first(t, "A.weight"): torch.ones(5, 16)}), "other sizes"),
        (lambda t: t.update({"unet.conv_in.lora_B.bias": torch.ones(8)}), "more to layers than a LoRA"),
        (lambda t: {f"{name}x": tensor for name, tensor in t.items()}, "more to layers than a LoRA"),
        (lambda t: {name.replace("blocks", "bricks"): tensor for name, tensor in t.items()}, "none of its layers"),
        (lambda t: t.update({first(t, "A.weight"): torch.ones(4, 16, dtype=torch.int8)}), "whole numbers"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_touched(sd1, tmp_path, change, says):
    before = everything(sd1)
    pairs = {"unet": random_pairs(sd1.pipeline, lambda name: "attn1" in name)["unet"]}
    save_peft(tmp_path / "ink.safetensors", pairs)
    with pytest.raises(UnfitLora, match=says):
        read_lora(changed(tmp_path / "ink.safetensors", change), sd1.adapter.parts)
    same(everything(sd1), before)


def test_kohyas_names_that_nobody_knows_are_refused(sdxl, tmp_path):
    pairs = random_pairs(sdxl.pipeline, attention)
    save_kohya(tmp_path / "ink.safetensors", pairs, 1.0, lambda name: "input_blocks.x.1." + name)
    with pytest.raises(UnfitLora, match="other names or sizes"):
        read_lora(tmp_path / "ink.safetensors", sdxl.adapter.parts)


def test_it_takes_the_models_own_precision(tiny_sd15, sd1, tmp_path):
    from backend.families import sd1 as family

    save_peft(tmp_path / "ink.safetensors", random_pairs(sd1.pipeline, attention))
    adapter = family.load(tiny_sd15, torch.device("cpu"), torch.bfloat16)
    inject(read_lora(tmp_path / "ink.safetensors", adapter.parts), "ink", adapter.parts)
    assert {parameter.dtype for parameter in adapter.parts.unet.parameters()} == {torch.bfloat16}
    eject("ink", adapter.parts)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_floats_of_eight_bits_are_what_they_say(sd1, tmp_path, dtype):
    file = tmp_path / "ink.safetensors"
    save_peft(file, random_pairs(sd1.pipeline, attention))
    small = {name: tensor.to(dtype) for name, tensor in load_file(file).items()}
    found = []
    for tensors in (small, {name: tensor.to(torch.bfloat16) for name, tensor in small.items()}):
        save_file(tensors, file)
        found.append(read_lora(file, sd1.adapter.parts))
    first, second = (dict(lora.components) for lora in found)
    assert first.keys() == second.keys()
    for component, pairs in first.items():
        for layer, pair in pairs.items():
            other = second[component][layer]
            assert torch.equal(pair.down, other.down)
            assert torch.equal(pair.up, other.up)
