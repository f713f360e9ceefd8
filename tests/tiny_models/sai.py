"""Stable Diffusion 3 in the file that painters download, as Stability AI writes it.

The names are those of https://github.com/Stability-AI/sd3.5, ``mmditx.py``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .a1111 import _vae as vae_of_ldm

Tensors = dict[str, torch.Tensor]

TEXT = {
    "text_encoder": "text_encoders.clip_l.transformer.",
    "text_encoder_2": "text_encoders.clip_g.transformer.",
    "text_encoder_3": "text_encoders.t5xxl.transformer.",
}


def save_sd3(folder: Path, file: Path, texts: bool = True) -> None:
    """Write transformer and VAE of the model in `folder` into one file, with its text encoders or without."""
    tensors = {f"model.diffusion_model.{name}": tensor for name, tensor in transformer(folder).items()}
    tensors |= vae_of_ldm(folder / "vae")
    for component, prefix in TEXT.items() if texts else ():
        if (folder / component).is_dir():
            tensors |= {prefix + name: tensor for name, tensor in text_encoder(folder, component).items()}
    save_file(tensors, file)


def text_encoder(folder: Path, component: str) -> Tensors:
    """The tensors of a text encoder, as they come in a file of their own."""
    (file,) = (folder / component).glob("*.safetensors")
    tensors = load_file(file)
    return {name: tensor for name, tensor in tensors.items() if name != "encoder.embed_tokens.weight"}


def transformer(folder: Path) -> Tensors:
    """The tensors of a transformer of Stable Diffusion 3.x."""
    (file,) = (folder / "transformer").glob("*.safetensors")
    have = load_file(file)
    made: Tensors = {"pos_embed": have["pos_embed.pos_embed"]}

    def take(new: str, *old: str, swap: bool = False) -> None:
        for ending in ("weight", "bias"):
            if f"{old[0]}.{ending}" in have:
                tensor = torch.cat([have[f"{name}.{ending}"] for name in old])
                made[f"{new}.{ending}"] = torch.cat(tensor.chunk(2)[::-1]) if swap else tensor

    take("x_embedder.proj", "pos_embed.proj")
    take("context_embedder", "context_embedder")
    for new, old in (("t", "timestep"), ("y", "text")):
        take(f"{new}_embedder.mlp.0", f"time_text_embed.{old}_embedder.linear_1")
        take(f"{new}_embedder.mlp.2", f"time_text_embed.{old}_embedder.linear_2")
    take("final_layer.linear", "proj_out")
    take("final_layer.adaLN_modulation.1", "norm_out.linear", swap=True)
    count = len({name.split(".")[1] for name in have if name.startswith("transformer_blocks.")})
    for number in range(count):
        old, new = f"transformer_blocks.{number}", f"joint_blocks.{number}"
        streams = (
            ("x_block", "attn", "to_{}", "to_out.0", "norm_{}", "norm1", "ff"),
            ("context_block", "attn", "add_{}_proj", "to_add_out", "norm_added_{}", "norm1_context", "ff_context"),
        )
        for stream, attention, letters, out, norm, modulation, ff in streams:
            last = stream == "context_block" and number == count - 1
            take(f"{new}.{stream}.attn.qkv", *(f"{old}.{attention}.{letters.format(letter)}" for letter in "qkv"))
            take(f"{new}.{stream}.attn.proj", f"{old}.{attention}.{out}")
            for letter in "qk":
                take(f"{new}.{stream}.attn.ln_{letter}", f"{old}.{attention}.{norm.format(letter)}")
            take(f"{new}.{stream}.adaLN_modulation.1", f"{old}.{modulation}.linear", swap=last)
            take(f"{new}.{stream}.mlp.fc1", f"{old}.{ff}.net.0.proj")
            take(f"{new}.{stream}.mlp.fc2", f"{old}.{ff}.net.2")
        take(f"{new}.x_block.attn2.qkv", *(f"{old}.attn2.to_{letter}" for letter in "qkv"))
        take(f"{new}.x_block.attn2.proj", f"{old}.attn2.to_out.0")
        for letter in "qk":
            take(f"{new}.x_block.attn2.ln_{letter}", f"{old}.attn2.norm_{letter}")
    return made
