"""With LoRAs our loop paints what diffusers' own pipelines paint with them, in every family that has them."""

from __future__ import annotations

import pytest
import torch
from parity.measures import distance, ours, sampled, theirs
from safetensors.torch import save_file
from tiny_models.loras import as_sgm, attention, random_pairs, save_kohya, save_peft

from backend.families.lora import UnfitLora, eject, inject, read_lora, turn_on

TOLERANCE = 1e-4
SEEN = 100 * TOLERANCE
"""The least that a LoRA must change a picture, for its parity to say anything."""

# diffusers' own loading of a second LoRA is warned of by PEFT
pytestmark = pytest.mark.filterwarnings("ignore:Already found a `peft_config`:UserWarning")


def painted(both, weights):
    """Our picture and diffusers' with these weights, by the names that the LoRAs were given."""
    turn_on(weights, both.adapter.parts)
    both.pipeline.set_adapters(list(weights), list(weights.values()))
    return ours(both, sampled(both)), theirs(both, both.pipeline, sampled(both))


def give(both, file, name):
    """Give one to both sides."""
    lora = read_lora(file, both.adapter.parts)
    assert lora.left_out == 0
    inject(lora, name, both.adapter.parts)
    both.pipeline.load_lora_weights(str(file), adapter_name=name, use_safetensors=True)


def take(both, *names):
    for name in names:
        eject(name, both.adapter.parts)


def test_one_at_each_weight(both, tmp_path):
    save_peft(tmp_path / "ink.safetensors", random_pairs(both.pipeline, attention))
    bare = ours(both, sampled(both))
    give(both, tmp_path / "ink.safetensors", "ink")
    pictures = {}
    for weight in (0.0, 0.5, 1.0):
        pictures[weight], their = painted(both, {"ink": weight})
        assert distance(pictures[weight], their) <= TOLERANCE
    take(both, "ink")
    assert distance(pictures[0.0], bare) <= 1e-6
    assert distance(pictures[0.5], bare) > SEEN
    assert distance(pictures[1.0], pictures[0.5]) > SEEN


def test_two_at_once(both, tmp_path):
    """The second changes other layers, too, of another rank."""
    save_peft(tmp_path / "ink.safetensors", random_pairs(both.pipeline, attention))
    others = random_pairs(both.pipeline, lambda name: attention(name) or ".ff." in name, rank=2, seed=2)
    save_peft(tmp_path / "wash.safetensors", others)
    give(both, tmp_path / "ink.safetensors", "ink")
    give(both, tmp_path / "wash.safetensors", "wash")
    mine, their = painted(both, {"ink": 0.7, "wash": -0.3})
    alone, _ = painted(both, {"ink": 0.7})
    take(both, "wash", "ink")
    assert distance(mine, their) <= TOLERANCE
    assert distance(mine, alone) > SEEN / 10


def test_kohyas_layout_for_stable_diffusion_1(sd1, tmp_path):
    pairs = random_pairs(sd1.pipeline, lambda name: attention(name) or "ff." in name or "mlp." in name)
    save_kohya(tmp_path / "ink.safetensors", pairs, alpha=2.0)
    give(sd1, tmp_path / "ink.safetensors", "ink")
    mine, their = painted(sd1, {"ink": 0.8})
    take(sd1, "ink")
    assert distance(mine, their) <= TOLERANCE
    assert distance(mine, ours(sd1, sampled(sd1))) > SEEN


@pytest.mark.parametrize("makers_names", [False, True])
def test_kohyas_layout_for_stable_diffusion_xl(sdxl, tmp_path, makers_names):
    """Its trainers name the UNet's blocks as the makers' code does; some files name them as diffusers does."""
    pairs = random_pairs(sdxl.pipeline, lambda name: attention(name) or "mlp." in name)
    rename = as_sgm(sdxl.pipeline.unet.config.layers_per_block) if makers_names else lambda name: name
    save_kohya(tmp_path / "ink.safetensors", pairs, alpha=2.0, rename=rename)
    give(sdxl, tmp_path / "ink.safetensors", "ink")
    mine, their = painted(sdxl, {"ink": 0.8})
    take(sdxl, "ink")
    assert distance(mine, their) <= TOLERANCE
    assert distance(mine, ours(sdxl, sampled(sdxl))) > SEEN


def test_kohyas_layout_for_flux(flux, tmp_path):
    """By its makers' names: query, key and value are one layer there. The one of single blocks has fixed sizes in diffusers."""
    width, rank = flux.pipeline.transformer.config.num_attention_heads * 16, 4
    outputs = {
        "double_blocks_0_img_attn_qkv": 3 * width,
        "double_blocks_0_txt_attn_proj": width,
        "double_blocks_0_img_mlp_0": 4 * width,
    }
    assert flux.pipeline.transformer.inner_dim == width
    generator, tensors = torch.Generator().manual_seed(3), {}
    for name, out in outputs.items():
        tensors[f"lora_unet_{name}.lora_down.weight"] = torch.randn(rank, width, generator=generator) / 3
        tensors[f"lora_unet_{name}.lora_up.weight"] = torch.randn(out, rank, generator=generator) / 3
        tensors[f"lora_unet_{name}.alpha"] = torch.tensor(2.0)
    save_file(tensors, tmp_path / "ink.safetensors")
    give(flux, tmp_path / "ink.safetensors", "ink")
    mine, their = painted(flux, {"ink": 1.0})
    take(flux, "ink")
    assert distance(mine, their) <= TOLERANCE
    assert distance(mine, ours(flux, sampled(flux))) > SEEN


@pytest.mark.parametrize("alphas", [{"alpha": 8.0}, {}])
def test_a_layer_of_unknown_sizes_is_no_accident(flux, tmp_path, alphas):
    """diffusers' converter breaks off at an assertion."""
    layer = "lora_unet_single_blocks_0_linear1"
    tensors = {f"{layer}.lora_down.weight": torch.ones(4, 32), f"{layer}.lora_up.weight": torch.ones(7 * 32, 4)}
    save_file(tensors | {f"{layer}.{name}": torch.tensor(value) for name, value in alphas.items()}, tmp_path / "x")
    with pytest.raises(UnfitLora, match="other names or sizes"):
        read_lora(tmp_path / "x", flux.adapter.parts)


@pytest.mark.parametrize("rank", [2, 5])
def test_alpha_differs_from_layer_to_layer(sd1, tmp_path, rank):
    """Held against weights that were put together by hand: diffusers gives attention layers the most frequent alpha."""
    pairs = random_pairs(sd1.pipeline, lambda name: attention(name) or "resnets" in name, rank=rank)

    def alpha(name):
        return 1.0 + len(name) % 3

    save_kohya(tmp_path / "ink.safetensors", pairs, alpha=alpha)
    lora = read_lora(tmp_path / "ink.safetensors", sd1.adapter.parts)
    inject(lora, "ink", sd1.adapter.parts)
    turn_on({"ink": 0.6}, sd1.adapter.parts)
    mine = ours(sd1, sampled(sd1))
    take(sd1, "ink")
    before = {name: getattr(sd1.pipeline, name).state_dict() for name in pairs}
    before = {name: {key: value.clone() for key, value in state.items()} for name, state in before.items()}
    for component, layers in pairs.items():
        for name, (down, up) in layers.items():
            change = torch.einsum("or,ri->oi", up.flatten(1), down.flatten(1)) * alpha(name) / rank
            weight = getattr(sd1.pipeline, component).get_submodule(name).weight
            weight += 0.6 * change.view_as(weight)
    their = theirs(sd1, sd1.pipeline, sampled(sd1))
    for name, state in before.items():
        getattr(sd1.pipeline, name).load_state_dict(state)
    assert distance(mine, their) <= TOLERANCE
    assert distance(mine, ours(sd1, sampled(sd1))) > SEEN
