"""LoRAs of random weights for the tiny models, in the layouts that trainers write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

Pairs = dict[str, dict[str, tuple[torch.Tensor, torch.Tensor]]]
"""Matrices down and up by component and layer, as diffusers calls them."""

STRENGTH = 0.3
"""Of a layer's change: enough to be seen in a tiny model's picture of few steps."""


def random_pairs(pipeline: Any, wanted: Callable[[str], bool], rank: int = 4, seed: int = 1) -> Pairs:
    """A pair for every layer of the pipeline whose name, with its component's before it, is wanted."""
    generator = torch.Generator().manual_seed(seed)
    pairs: Pairs = {}
    for component in pipeline._lora_loadable_modules:
        model = getattr(pipeline, component, None)
        for name, layer in [] if model is None else model.named_modules():
            if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d) and wanted(f"{component}.{name}"):
                out, inner, *kernel = layer.weight.shape
                down = torch.randn(rank, inner, *kernel, generator=generator) * STRENGTH
                up = torch.randn(out, rank, *(1 for _ in kernel), generator=generator) * STRENGTH
                pairs.setdefault(component, {})[name] = (down, up)
    return pairs


def attention(name: str) -> bool:
    """Whether a layer is one that most LoRAs change."""
    return name.rpartition("attn")[2].lstrip("12.").startswith(("to_", "add_", "q_proj", "v_proj", "out_proj")) or (
        "attention.to_" in name
    )


def save_peft(path: Path, pairs: Pairs, metadata: Mapping[str, str] | None = None) -> None:
    """diffusers' own layout of today: component, layer, lora_A and lora_B."""
    tensors = {}
    for component, layers in pairs.items():
        for name, (down, up) in layers.items():
            tensors[f"{component}.{name}.lora_A.weight"] = down
            tensors[f"{component}.{name}.lora_B.weight"] = up
    _save(path, tensors, metadata)


def save_kohya(
    path: Path, pairs: Pairs, alpha: float | Callable[[str], float], rename: Callable[[str], str] = lambda name: name
) -> None:
    """kohya-ss' layout for UNets: dots as underscores, lora_down, lora_up and alpha."""
    starts = {"unet": "lora_unet_", "text_encoder": "lora_te_", "text_encoder_2": "lora_te2_"}
    if "text_encoder_2" in pairs:
        starts["text_encoder"] = "lora_te1_"
    tensors = {}
    for component, layers in pairs.items():
        for name, (down, up) in layers.items():
            inner = rename(name) if component == "unet" else f"text_model.{name.removeprefix('text_model.')}"
            key = starts[component] + inner.replace(".", "_")
            tensors[f"{key}.lora_down.weight"], tensors[f"{key}.lora_up.weight"] = down, up
            tensors[f"{key}.alpha"] = torch.tensor(alpha(name) if callable(alpha) else alpha)
    _save(path, tensors, {"ss_network_module": "networks.lora"})


def as_sgm(layers_per_block: int) -> Callable[[str], str]:
    """Names of a UNet's attention as kohya-ss has them for Stable Diffusion XL: by the blocks of its makers' code."""

    def rename(name: str) -> str:
        part, *rest = name.split(".")
        per_block = layers_per_block + 1
        if part == "mid_block":
            return ".".join(["middle_block.1", *rest[2:]])
        block, _, layer, *inner = rest
        if part == "down_blocks":
            return ".".join([f"input_blocks.{int(block) * per_block + int(layer) + 1}.1", *inner])
        return ".".join([f"output_blocks.{int(block) * per_block + int(layer)}.1", *inner])

    return rename


def _save(path: Path, tensors: dict[str, torch.Tensor], metadata: Mapping[str, str] | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata=dict(metadata or {}))
