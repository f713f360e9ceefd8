"""Weights brought into 8 bits with a scale a layer or a row, as ComfyUI and its converters write them."""

from __future__ import annotations

import torch

MOST = 448.0
"""The largest number of float8_e4m3fn."""


def scaled(
    tensors: dict[str, torch.Tensor], ends: tuple[str, str] = (".scale_weight", ".scale_input"), rows: bool = False
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Every matrix among the tensors in 8 bits, with what is written beside it; and the tensors that are to be read from that."""
    written, read = {"scaled_fp8": torch.zeros(2, dtype=torch.float8_e4m3fn)}, {}
    for name, tensor in tensors.items():
        written[name] = read[name] = tensor
        if tensor.ndim == 2 and name.endswith(".weight"):
            most = tensor.abs().amax(1, keepdim=True) if rows else tensor.abs().max()
            scale = (most / MOST).clamp(min=1e-9)
            written[name] = (tensor / scale).to(torch.float8_e4m3fn)
            layer = name.removesuffix(".weight")
            written[layer + ends[0]], written[layer + ends[1]] = scale, torch.tensor(0.5)
            read[name] = written[name].float() * scale
    return written, read
