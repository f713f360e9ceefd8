"""FLUX.1's weights by the names of Black Forest Labs, brought to diffusers' names.

Theirs: https://github.com/black-forest-labs/flux, ``src/flux/model.py``. What diffusers has in several layers they have in one, one
behind the other; its last modulation has scale and shift the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import torch

Tensors = Mapping[str, torch.Tensor]

_ENDS: Final = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
}

_DOUBLE: Final = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.norm.query_norm": "attn.norm_q",
    "img_attn.norm.key_norm": "attn.norm_k",
    "txt_attn.norm.query_norm": "attn.norm_added_q",
    "txt_attn.norm.key_norm": "attn.norm_added_k",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}

_SINGLE: Final = {
    "modulation.lin": "norm.linear",
    "norm.query_norm": "attn.norm_q",
    "norm.key_norm": "attn.norm_k",
    "linear2": "proj_out",
}

_TOGETHER: Final = {
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
    "linear1": ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp"),
}
"""Layers of one width that stand in one, and behind them what is left of it."""

_BLOCKS: Final = {
    "double_blocks": ("transformer_blocks", _DOUBLE),
    "single_blocks": ("single_transformer_blocks", _SINGLE),
}

_LAST_MODULATION: Final = "final_layer.adaLN_modulation.1"


def in_diffusers_names(tensors: Tensors) -> dict[str, torch.Tensor]:
    """The tensors of a transformer by diffusers' names, as views where layers stood together. Raises KeyError for a strange name."""
    width = tensors["img_in.weight"].shape[0]
    return {new: tensor for name in tensors for new, tensor in _renamed(name, tensors[name], width)}


def _renamed(name: str, tensor: torch.Tensor, width: int) -> Iterator[tuple[str, torch.Tensor]]:
    layer, _, ending = name.rpartition(".")
    ending = "weight" if ending == "scale" else ending
    kind, _, rest = layer.partition(".")
    if kind not in _BLOCKS:
        if layer == _LAST_MODULATION:
            shift, scale = tensor.chunk(2)
            yield f"norm_out.linear.{ending}", torch.cat([scale, shift])
        else:
            yield f"{_ENDS[layer]}.{ending}", tensor
        return
    blocks, names = _BLOCKS[kind]
    number, _, inner = rest.partition(".")
    if inner not in _TOGETHER:
        yield f"{blocks}.{number}.{names[inner]}.{ending}", tensor
        return
    start = 0
    for place, apart in enumerate(_TOGETHER[inner]):
        end = start + width if place < 3 else len(tensor)
        yield f"{blocks}.{number}.{apart}.{ending}", tensor[start:end]
        start = end
