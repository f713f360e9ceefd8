"""A model in diffusers' layout as one file in the layout of Stable Diffusion's own code, which A1111 and ComfyUI read.

The names are those of https://github.com/CompVis/stable-diffusion and https://github.com/Stability-AI/generative-models.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]

UNET_ENDS = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_PARTS = {
    "conv_shortcut": "nin_shortcut",
    "conv_norm_out": "norm_out",
    "group_norm": "norm",
    "to_q": "q",
    "to_k": "k",
    "to_v": "v",
    "to_out.0": "proj_out",
}
OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def save_as_checkpoint(folder: Path, file: Path, **marks: torch.Tensor) -> None:
    """Write the model in `folder`, of Stable Diffusion 1.x or XL, as one file; `marks` are tensors beside."""
    parts = {**_unet(folder / "unet"), **_vae(folder / "vae"), **marks}
    if (folder / "text_encoder_2").is_dir():
        parts |= _clip(folder / "text_encoder", "conditioner.embedders.0.transformer.")
        parts |= _open_clip(folder / "text_encoder_2", "conditioner.embedders.1.model.")
    else:
        parts |= _clip(folder / "text_encoder", "cond_stage_model.transformer.")
    save_file({name: tensor.contiguous() for name, tensor in parts.items()}, file)


def _weights(folder: Path) -> Tensors:
    return load_file(next(folder.glob("*.safetensors")))


def _unet(folder: Path) -> Tensors:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    layers, attends = config["layers_per_block"], [kind.startswith("CrossAttn") for kind in config["up_block_types"]]
    return {
        f"model.diffusion_model.{_unet_name(name, layers, attends)}": tensor
        for name, tensor in _weights(folder).items()
    }


def _unet_name(name: str, layers: int, attends: list[bool]) -> str:
    for ours, theirs in UNET_ENDS.items():
        if name.startswith(f"{ours}."):
            return theirs + name.removeprefix(ours)
    if found := re.fullmatch(r"(down|up)_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.+)", name):
        way, level, kind, layer, rest = found.groups()
        first = 1 if way == "down" else 0
        number = (layers + 1) * int(level) + int(layer) + first
        return f"{'input' if first else 'output'}_blocks.{number}.{_inner(kind, rest)}"
    if found := re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)", name):
        kind, layer, rest = found.groups()
        position = 2 * int(layer) if kind == "resnets" else 1
        return f"middle_block.{position}.{_inner(kind, rest).partition('.')[2]}"
    if found := re.fullmatch(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.+)", name):
        return f"input_blocks.{(layers + 1) * (int(found[1]) + 1)}.0.op.{found[2]}"
    found = re.fullmatch(r"up_blocks\.(\d+)\.upsamplers\.0\.conv\.(.+)", name)
    position = 2 if attends[int(found[1])] else 1
    return f"output_blocks.{(layers + 1) * int(found[1]) + layers}.{position}.conv.{found[2]}"


def _inner(kind: str, rest: str) -> str:
    """Name inside a block: its resnet is the first there, its attention the second."""
    if kind == "attentions":
        return f"1.{rest}"
    part, _, end = rest.partition(".")
    return f"0.{RESNET[part]}.{end}"


def _vae(folder: Path) -> Tensors:
    levels = len(json.loads((folder / "config.json").read_text("utf-8"))["block_out_channels"])
    parts = {}
    for name, tensor in _weights(folder).items():
        theirs = _vae_name(name, levels)
        # attention is written with convolutions of one pixel
        linear = ".attn_1." in theirs and tensor.ndim == 2
        parts[f"first_stage_model.{theirs}"] = tensor[:, :, None, None] if linear else tensor
    return parts


def _vae_name(name: str, levels: int) -> str:
    def block(found: re.Match[str]) -> str:
        way, level = found[1], int(found[2])
        return f"{way}.{level}." if way == "down" else f"{way}.{levels - 1 - level}."

    name = re.sub(r"(down|up)_blocks\.(\d+)\.", block, name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("resnets.", "block.")
    name = name.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")
    for ours, theirs in VAE_PARTS.items():
        name = name.replace(f".{ours}.", f".{theirs}.")
    return name


def _clip(folder: Path, prefix: str) -> Tensors:
    return {f"{prefix}text_model.{_bare(name)}": tensor for name, tensor in _weights(folder).items()}


def _bare(name: str) -> str:
    return name.removeprefix("text_model.")


def _open_clip(folder: Path, prefix: str) -> Tensors:
    weights = {_bare(name): tensor for name, tensor in _weights(folder).items()}
    parts = {
        "token_embedding.weight": weights.pop("embeddings.token_embedding.weight"),
        "positional_embedding": weights.pop("embeddings.position_embedding.weight"),
        "text_projection": weights.pop("text_projection.weight").T,
        "ln_final.weight": weights.pop("final_layer_norm.weight"),
        "ln_final.bias": weights.pop("final_layer_norm.bias"),
    }
    for name in list(weights):
        if ".self_attn.q_proj." in name:
            three = [weights.pop(name.replace("q_proj", f"{which}_proj")) for which in "qkv"]
            layer, end = re.search(r"layers\.(\d+)\..*\.(weight|bias)", name).groups()
            parts[f"transformer.resblocks.{layer}.attn.in_proj_{end}"] = torch.cat(three)
    for name, tensor in weights.items():
        theirs = name.replace("encoder.layers.", "transformer.resblocks.")
        for ours, other in OPEN_CLIP.items():
            theirs = theirs.replace(f".{ours}.", f".{other}.")
        parts[theirs] = tensor
    return {prefix + name: tensor for name, tensor in parts.items()}
