"""FLUX.1 in the files that painters download: transformer and VAE as Black Forest Labs write them, text encoders as ComfyUI takes them.

The names are those of https://github.com/black-forest-labs/flux, ``src/flux/model.py`` and ``modules/layers.py``.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .a1111 import _vae as vae_of_ldm

Tensors = dict[str, torch.Tensor]

PREFIXES = {
    "transformer": "model.diffusion_model.",
    "vae": "vae.",
    "text_encoder": "text_encoders.clip_l.transformer.",
    "text_encoder_2": "text_encoders.t5xxl.transformer.",
}
"""Of each component in a file that has them all."""


def save_transformer(folder: Path, file: Path, prefix: str = "", **marks: torch.Tensor) -> None:
    """Write the transformer of the model in `folder`; `marks` are tensors beside."""
    save_file({**{prefix + name: tensor for name, tensor in transformer(folder).items()}, **marks}, file)


def save_companions(folder: Path, shelf: Path) -> None:
    """Write the other components of the model in `folder` into `shelf`, each into a file of its own, with T5's tokenizer."""
    for component, name in (("vae", "ae"), ("text_encoder", "clip_l"), ("text_encoder_2", "t5xxl_fp16")):
        save_file(part(folder, component), shelf / f"{name}.safetensors")
    (shelf / "tokenizer.json").write_bytes((folder / "tokenizer_2" / "tokenizer.json").read_bytes())


def save_whole(folder: Path, file: Path) -> None:
    """Write all components into one file, as ComfyUI saves them."""
    tensors = {}
    for component, prefix in PREFIXES.items():
        found = transformer(folder) if component == "transformer" else part(folder, component)
        tensors |= {prefix + name: tensor for name, tensor in found.items()}
    save_file(tensors, file)


def part(folder: Path, component: str) -> Tensors:
    """The tensors of one of the other components."""
    if component == "vae":
        return {name.removeprefix("first_stage_model."): tensor for name, tensor in vae_of_ldm(folder / "vae").items()}
    (file,) = (folder / component).glob("*.safetensors")
    tensors = load_file(file)
    if component == "text_encoder":
        return {f"text_model.{name.removeprefix('text_model.')}": tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in tensors.items() if name != "encoder.embed_tokens.weight"}


def transformer(folder: Path) -> Tensors:
    """The tensors of a FLUX.1 transformer."""
    (file,) = (folder / "transformer").glob("*.safetensors")
    have = load_file(file)
    made: Tensors = {}

    def take(new: str, *old: str) -> None:
        for ending in ("weight", "bias"):
            if f"{old[0]}.{ending}" in have:
                made[f"{new}.{ending}"] = torch.cat([have[f"{name}.{ending}"] for name in old])

    def scale(new: str, old: str) -> None:
        made[f"{new}.scale"] = have[f"{old}.weight"]

    embed = "time_text_embed"
    for new, old in (("time", "timestep"), ("vector", "text"), ("guidance", "guidance")):
        take(f"{new}_in.in_layer", f"{embed}.{old}_embedder.linear_1")
        take(f"{new}_in.out_layer", f"{embed}.{old}_embedder.linear_2")
    take("img_in", "x_embedder")
    take("txt_in", "context_embedder")
    take("final_layer.linear", "proj_out")
    for ending in ("weight", "bias"):
        gain, shift = have[f"norm_out.linear.{ending}"].chunk(2)
        made[f"final_layer.adaLN_modulation.1.{ending}"] = torch.cat([shift, gain])
    for number in range(_count(have, "transformer_blocks.")):
        old, new = f"transformer_blocks.{number}", f"double_blocks.{number}"
        for stream, q, out, beside in (
            ("img", "to_{}", "to_out.0", ""),
            ("txt", "add_{}_proj", "to_add_out", "_context"),
        ):
            take(f"{new}.{stream}_mod.lin", f"{old}.norm1{beside}.linear")
            take(f"{new}.{stream}_attn.qkv", *(f"{old}.attn.{q.format(letter)}" for letter in "qkv"))
            take(f"{new}.{stream}_attn.proj", f"{old}.attn.{out}")
            take(f"{new}.{stream}_mlp.0", f"{old}.ff{beside}.net.0.proj")
            take(f"{new}.{stream}_mlp.2", f"{old}.ff{beside}.net.2")
            norm = "norm_added" if beside else "norm"
            scale(f"{new}.{stream}_attn.norm.query_norm", f"{old}.attn.{norm}_q")
            scale(f"{new}.{stream}_attn.norm.key_norm", f"{old}.attn.{norm}_k")
    for number in range(_count(have, "single_transformer_blocks.")):
        old, new = f"single_transformer_blocks.{number}", f"single_blocks.{number}"
        take(f"{new}.modulation.lin", f"{old}.norm.linear")
        take(f"{new}.linear1", *(f"{old}.attn.to_{letter}" for letter in "qkv"), f"{old}.proj_mlp")
        take(f"{new}.linear2", f"{old}.proj_out")
        scale(f"{new}.norm.query_norm", f"{old}.attn.norm_q")
        scale(f"{new}.norm.key_norm", f"{old}.attn.norm_k")
    return made


def _count(have: Tensors, start: str) -> int:
    return len({name.split(".")[1] for name in have if name.startswith(start)})
