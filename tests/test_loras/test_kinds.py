"""What a LoRA is for, told by names and shapes as real trainers write them."""

from __future__ import annotations

import pytest

from backend.models.headers import Tensor
from backend.models.lora_kinds import families_of
from backend.models.problems import NotUsable


def kohya(**layers):
    """Tensors in kohya-ss' layout; each layer with its input and output."""
    made = {}
    for name, (inner, out) in layers.items():
        made[f"{name}.lora_down.weight"] = Tensor("F16", (16, inner))
        made[f"{name}.lora_up.weight"] = Tensor("F16", (out, 16))
        made[f"{name}.alpha"] = Tensor("F16", ())
    return made


def peft(**layers):
    """The same in PEFT's; `__` stands for a dot."""
    made = {}
    for name, (inner, out) in layers.items():
        made[f"{name.replace('__', '.')}.lora_A.weight"] = Tensor("F32", (16, inner))
        made[f"{name.replace('__', '.')}.lora_B.weight"] = Tensor("F32", (out, 16))
    return made


BLOCK = "transformer__transformer_blocks__0__"
KNOWN = [
    (kohya(lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k=(768, 320)), ["sd1"]),
    (kohya(lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k=(1024, 320)), ["sd1"]),
    (kohya(lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_v=(2048, 640)), ["sdxl"]),
    (kohya(lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q=(640, 640)), ["sdxl"]),
    (kohya(lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q=(320, 320)), ["sd1", "sdxl"]),
    (peft(unet__down_blocks__2__attentions__0__transformer_blocks__9__attn1__to_q=(1280, 1280)), ["sdxl"]),
    (kohya(lora_te_text_model_encoder_layers_0_mlp_fc1=(768, 3072)), ["sd1", "sdxl", "sd3", "flux"]),
    (kohya(lora_te2_text_model_encoder_layers_0_mlp_fc1=(1280, 5120)), ["sdxl", "sd3"]),
    (kohya(lora_unet_double_blocks_0_img_mlp_0=(3072, 12288)), ["flux", "chroma"]),
    (kohya(lora_unet_double_blocks_0_img_mlp_0=(3072, 18432)), ["flux2"]),
    (kohya(lora_unet_single_blocks_0_linear1=(3072, 21504)), ["flux", "chroma"]),
    (kohya(lora_unet_single_blocks_0_linear1=(6144, 55296)), ["flux2"]),
    (kohya(lora_unet_single_blocks_0_modulation_lin=(3072, 9216)), ["flux"]),
    (peft(diffusion_model__double_blocks__0__img_attn__qkv=(4096, 12288)), ["flux", "chroma", "flux2"]),
    (peft(transformer__single_transformer_blocks__0__attn__to_q=(3072, 3072)), ["flux", "chroma", "flux2"]),
    (peft(transformer__single_transformer_blocks__0__norm__linear=(3072, 9216)), ["flux"]),
    (peft(transformer__single_transformer_blocks__0__attn__to_qkv_mlp_proj=(6144, 55296)), ["flux2"]),
    (peft(transformer__distilled_guidance_layer__in_proj=(64, 5120)), ["chroma"]),
    (peft(**{BLOCK + "attn__to_q": (1536, 1536)}), ["sd3"]),
    (peft(**{BLOCK + "attn2__to_q": (32, 32)}), ["sd3"]),
    (peft(**{BLOCK + "attn__to_q": (3072, 3072)}), ["flux", "chroma", "qwen", "flux2"]),
    (peft(**{BLOCK + "img_mlp__net__2": (12288, 3072)}), ["qwen"]),
    (peft(transformer_blocks__0__img_mod__1=(3072, 18432)), ["qwen"]),
    (kohya(lora_unet_transformer_blocks_0_txt_mlp_net_0_proj=(3072, 12288)), ["qwen"]),
    (peft(diffusion_model__layers__0__attention__to_q=(3840, 3840)), ["zimage"]),
    (peft(transformer__context_refiner__0__feed_forward__w1=(3840, 10240)), ["zimage"]),
    (kohya(lora_unet_joint_blocks_0_x_block_attn_qkv=(1536, 4608)), ["sd3"]),
]  # fmt: skip


@pytest.mark.parametrize(("tensors", "families"), KNOWN)
def test_families(tensors, families):
    assert sorted(families_of(tensors)) == sorted(families)


def test_older_layouts_of_diffusers():
    name = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2"
    for middle in ("processor.to_k_lora.{}", "to_k.lora.{}", "to_k.lora_linear_layer.{}"):
        tensors = {
            f"{name}.{middle.format('down')}.weight": Tensor("F32", (4, 768)),
            f"{name}.{middle.format('up')}.weight": Tensor("F32", (320, 4)),
        }
        assert families_of(tensors) == ("sd1",)


UNET = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"


@pytest.mark.parametrize(
    ("others", "says"),
    [
        ({f"{UNET}.hada_w1_a": Tensor("F16", (4, 4))}, "LoHa"),
        ({f"{UNET}.lokr_w1": Tensor("F16", (4, 4))}, "LoKr"),
        ({f"{UNET}.dora_scale": Tensor("F16", (4, 1))}, "DoRA"),
        ({f"{UNET}.lora_mid.weight": Tensor("F16", (4, 4, 3, 3))}, "Tucker"),
        ({f"{UNET}.diff": Tensor("F16", (4, 4))}, "replaces layers"),
        ({"lora_controlnet": Tensor("F16", ())}, "Control LoRA"),
        ({"transformer.blocks.0.lora_A.weight": Tensor("F16", (4, 4))}, "no pair"),
        ({"transformer.blocks.0.lora_A.weight": Tensor("F16", (4,))}, "no pair"),
    ],
)
def test_what_would_be_painted_wrong_is_refused(others, says):
    with pytest.raises(NotUsable, match=says):
        families_of(kohya(**{UNET: (768, 320)}) | others)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({}, "no LoRA"),
        ({"emb_params": Tensor("F32", (4, 768))}, "no LoRA"),
        ({"model.diffusion_model.input_blocks.0.0.weight": Tensor("F32", (320, 4, 3, 3))}, "no LoRA"),
        (peft(diffusion_model__blocks__0__cross_attn__k=(5120, 5120)), "does not know"),
    ],
)
def test_what_is_no_lora_or_of_an_unknown_kind(tensors, says):
    with pytest.raises(NotUsable, match=says):
        families_of(tensors)
