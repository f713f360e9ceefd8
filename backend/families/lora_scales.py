"""How strong each layer of a LoRA is meant to be: `alpha / rank`, multiplied into its second matrix.

Trainers write alpha beside a layer (kohya-ss), or the settings of PEFT into the file's header (diffusers). Multiplied in, no
layout has an alpha that differs from the rank, and what converts the layouts need not carry it along: diffusers' converters lose
those of attention layers in UNets where layers differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import torch

_MATRIX: Final = re.compile(
    r"(?P<layer>.+)(?P<kind>\.lora_down|\.lora_up|\.lora_A|\.lora_B|[._]lora\.down|[._]lora\.up|\.lora_linear_layer\.down|"
    r"\.lora_linear_layer\.up)(?:\.default)?\.weight\Z"
)
_SECOND: Final = re.compile(r"up\Z|_B\Z")


def scaled(tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return the tensors of a LoRA with the second matrix of each layer at its full strength, and each alpha the rank.

    `settings` are PEFT's, each name behind that of its component. Raises ValueError, TypeError or ZeroDivisionError for those
    that make no sense.
    """
    ranks, seconds = _layers(tensors)
    result = dict(tensors)
    for layer, name in seconds.items():
        rank = ranks.get(layer)
        if rank is None:
            continue  # half a pair, which is told where pairs are held against a model
        alpha = tensors.get(f"{layer}.alpha")
        scale = float(alpha) / rank if alpha is not None else _scale_by(settings, layer, rank)
        if not math.isfinite(scale):
            raise ValueError(f"a scale of {scale}")
        if scale != 1:
            result[name] = tensors[name].float() * scale
        if alpha is not None:
            result[f"{layer}.alpha"] = torch.tensor(float(rank))
    return result


def _layers(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, int], dict[str, str]]:
    """The rank of every layer, and the name of its second matrix."""
    ranks: dict[str, int] = {}
    seconds: dict[str, str] = {}
    for name, tensor in tensors.items():
        found = _MATRIX.match(name)
        if found is None:
            continue
        if _SECOND.search(found["kind"]):
            seconds[found["layer"]] = name
        else:
            ranks[found["layer"]] = tensor.shape[0]
    return ranks, seconds


def _scale_by(settings: Mapping[str, Any], layer: str, rank: int) -> float:
    component, _, inner = layer.partition(".")
    alpha = settings.get(f"{component}.lora_alpha")
    if alpha is None:
        return 1.0
    for pattern, other in (settings.get(f"{component}.alpha_pattern") or {}).items():
        # PEFT takes a pattern for the end of a layer's name
        plain = pattern.removeprefix("^")
        if inner == plain or inner.endswith(f".{plain}"):
            alpha = other
            break
    return float(alpha) / (math.sqrt(rank) if settings.get(f"{component}.use_rslora") else rank)
