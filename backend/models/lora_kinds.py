"""What a LoRA is made for, by the names and shapes of its tensors alone.

A LoRA changes layers of a denoiser, and of text encoders, by a pair of small matrices each: `down` (or `A`) takes the layer's
input to a few numbers, `up` (or `B`) takes these to its output. The names of the layers tell the families apart, and where two
share names, the ratio of a layer's sides; widths tell where they are those of a family's real models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from .headers import Tensor
from .problems import NotUsable

_DOWN = re.compile(
    r"(.*?)[._](?:lora_down|lora_A|lora\.down|lora_linear_layer\.down|lora[12]\.down)(?:\.default)?\.weight\Z"
)
_UP = re.compile(r"(.*?)[._](?:lora_up|lora_B|lora\.up|lora_linear_layer\.up|lora[12]\.up)(?:\.default)?\.weight\Z")

# what else changes a model in a file of the kind; diffusers would leave it out and paint something else without a word
_OTHERS: Final = (
    (re.compile(r"\.hada_w[12]"), "It is a LoHa, which is no LoRA; this version does not use it."),
    (re.compile(r"\.lokr_w[12]"), "It is a LoKr, which is no LoRA; this version does not use it."),
    (re.compile(r"\.dora_scale\Z|\.lora_magnitude_vector"), "It is a DoRA, which this version does not use."),
    (re.compile(r"\.lora_mid\."), "It has three matrices for a layer (a Tucker decomposition), which this version does not use."),
    (re.compile(r"\.oft_|\.boft_|\.glora_|\.a1\.weight\Z"), "It is of a kind of its own, which this version does not use."),
    (re.compile(r"\.diff\Z|\.set_weight\Z"), "It replaces layers instead of adding to them, which this version does not do."),
    (
        re.compile(r"lora_controlnet\Z|(?:query|key)_norm\.scale\Z|\.norm_(?:added_)?[qk]\.weight\Z"),
        "It makes a model be guided by pictures (a Control LoRA), which this version does not do.",
    ),
)  # fmt: skip

FLUX_ALIKE: Final = ("flux", "chroma")
"""FLUX.1's layers but for the modulation, which Chroma has not: one LoRA often fits both."""

# FLUX.2 has FLUX.1's names. Its inner layers are three times as wide as the outer ones and have a gate of the same width,
# FLUX.1's four times and have none: sides of these layers, output by input.
_RATIOS: Final = (
    (re.compile(r"double_blocks_\d+_(?:img|txt)_mlp_0\Z"), {4: FLUX_ALIKE, 6: ("flux2",)}),
    (re.compile(r"single_blocks_\d+_linear1\Z"), {7: FLUX_ALIKE, 9: ("flux2",)}),
)

_UNET_WIDTHS: Final = {768: ("sd1",), 1024: ("sd1",), 2048: ("sdxl",)}
"""Of the text that cross-attention reads: CLIP of Stable Diffusion 1.x, OpenCLIP of 2.x, both of XL's side by side."""

_TRANSFORMER_WIDTHS: Final = {
    1536: ("sd3",), 2432: ("sd3",), 3072: ("flux", "chroma", "qwen", "flux2"), 4096: ("flux2",), 6144: ("flux2",),
}  # fmt: skip
"""Of the layers that SD 3.x, FLUX and Qwen-Image call alike: SD 3.5 medium and large, FLUX.1 and Qwen-Image and the smaller
FLUX.2 Klein, the larger one, FLUX.2 dev."""

# the first that fits decides; `_` stands for every dot
_NAMES: Final = (
    (re.compile(r"(?:double|single)_stream_modulation|attn_to_qkv_mlp_proj|_ff(?:_context)?_linear_(?:in|out)"), ("flux2",)),
    (re.compile(r"_(?:img|txt)_mlp_net_|transformer_blocks_\d+_(?:img|txt)_mod_1"), ("qwen",)),
    (re.compile(r"(?:^|_)(?:noise_refiner|context_refiner)_\d|(?:^|_)layers_\d+_(?:attention|feed_forward|adaLN)"), ("zimage",)),
    (re.compile(r"joint_blocks_\d+|transformer_blocks_\d+_attn2_to_[qkv]\Z"), ("sd3",)),
    (re.compile(r"distilled_guidance_layer"), ("chroma",)),
    (re.compile(r"(?:double|single)_blocks_\d+_(?:img_|txt_)?mod(?:ulation)?_lin|single_transformer_blocks_\d+_norm_linear"), ("flux",)),
    (re.compile(r"guidance_in_|vector_in_"), ("flux",)),
)  # fmt: skip

_UNET = re.compile(r"(?:^|_)(?:(?:down|up|input|output)_blocks_\d|mid_block_|middle_block_\d)")
_CROSS = re.compile(r"attn2_(?:processor_)?to_[kv]\Z")
_TRANSFORMER = re.compile(r"(?:^|_)transformer_blocks_\d+_attn_")
_SECOND_ENCODER = re.compile(r"^(?:lora_te2_|text_encoder_2_)")
_ENCODER = re.compile(r"^(?:lora_te1?_|text_encoder_)")
_XL_ALONE = re.compile(r"(?:input|output)_blocks_\d|middle_block_\d|attentions_\d+_transformer_blocks_[1-9]")
_FLUX = re.compile(r"(?:^|_)(?:double_blocks|single_blocks|single_transformer_blocks)_\d")


@dataclass(frozen=True)
class _Layer:
    """A layer that is changed: its name with `_` for every dot, and how wide its input and output are, where that is told."""

    name: str
    width: int
    output: int


def families_of(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Return the ids of the families that a LoRA may be for, several where its tensors do not tell them apart.

    Raises NotUsable for what is no LoRA, or none of a family that is run here.
    """
    for pattern, problem in _OTHERS:
        if any(map(pattern.search, tensors)):
            raise NotUsable(problem)
    layers = list(_layers(tensors))
    if not layers:
        raise NotUsable("It is no LoRA: none of its tensors change a layer.")
    families = _by_names(layers) or _by_shapes(layers)
    if not families:
        raise NotUsable("It is a LoRA for a kind of model that this version does not know.")
    return families


def _layers(tensors: Mapping[str, Tensor]) -> Iterable[_Layer]:
    outputs = {
        found[1]: tensor.shape[0] for name, tensor in tensors.items() if (found := _UP.match(name)) and tensor.shape
    }
    for name, tensor in tensors.items():
        found = _DOWN.match(name)
        if found is None:
            continue
        if len(tensor.shape) < 2 or found[1] not in outputs:
            raise NotUsable(f"It is damaged: the matrices of its layer {found[1][:80]!r} are no pair.")
        yield _Layer(found[1].replace(".", "_"), tensor.shape[1], outputs[found[1]])


def _by_names(layers: list[_Layer]) -> tuple[str, ...]:
    names = [layer.name for layer in layers]
    if any(map(_UNET.search, names)):
        return _of_unet(layers)
    for pattern, families in _NAMES:
        if any(map(pattern.search, names)):
            return families
    if any(map(_SECOND_ENCODER.search, names)):
        return ("sdxl", "sd3")
    if all(map(_ENCODER.search, names)):
        return ("sd1", "sdxl", "sd3", "flux")
    return ()


def _of_unet(layers: list[_Layer]) -> tuple[str, ...]:
    for layer in layers:
        if _CROSS.search(layer.name) and layer.width in _UNET_WIDTHS:
            return _UNET_WIDTHS[layer.width]
    if any(_XL_ALONE.search(layer.name) or _SECOND_ENCODER.search(layer.name) for layer in layers):
        return ("sdxl",)
    return ("sd1", "sdxl")


def _by_shapes(layers: list[_Layer]) -> tuple[str, ...]:
    """Families that share names."""
    for layer in layers:
        for pattern, ratios in _RATIOS:
            if pattern.search(layer.name) and layer.width and layer.output in [ratio * layer.width for ratio in ratios]:
                return ratios[layer.output // layer.width]
    flux = any(_FLUX.search(layer.name) for layer in layers)
    inner = [layer for layer in layers if _TRANSFORMER.search(layer.name)]
    if not flux and not inner:
        return ()
    possible = ("flux", "chroma", "flux2") if flux else ("sd3", "flux", "chroma", "qwen", "flux2")
    widths = {layer.width for layer in inner}
    told = next((_TRANSFORMER_WIDTHS[width] for width in widths if width in _TRANSFORMER_WIDTHS), possible)
    return tuple(family for family in possible if family in told) or possible
