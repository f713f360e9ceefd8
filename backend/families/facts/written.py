"""How tensors stand in single files: names that were usual once, and weights in 8 bits beside numbers that they are to be multiplied by."""

from __future__ import annotations

from typing import Final

CLIP_OF_OLD: Final = "cond_stage_model.transformer."
CLIP: Final = f"{CLIP_OF_OLD}text_model."
"""Of Stable Diffusion 1.x: before version 4.3 of transformers its text encoder had no name for what is in it, and some models still
are passed on so. A1111 and ComfyUI read both."""

CLIP_PARTS: Final = ("embeddings.", "encoder.", "final_layer_norm.")

SCALES: Final = (".scale_weight", ".weight_scale")
"""Ends of the names of numbers by which a layer's weights are to be multiplied, as ComfyUI reads them (its QUANTIZATION.md): one
for the whole layer, or one for each row."""

ASIDE: Final = (".scale_input", ".input_scale", ".comfy_quant", "scaled_fp8")
"""Ends of the names of what only matters to who calculates in 8 bits."""


def usual_name(name: str) -> str:
    """The name that a tensor has today."""
    part = name.removeprefix(CLIP_OF_OLD)
    return f"{CLIP}{part}" if part != name and part.startswith(CLIP_PARTS) else name


def scaled_by(name: str) -> str | None:
    """The weight that a tensor of this name is to be multiplied into; None for one that is no scale."""
    end = next((end for end in SCALES if name.endswith(end)), None)
    return None if end is None else f"{name.removesuffix(end)}.weight"


def is_aside(name: str) -> bool:
    """Whether a tensor of this name is none of the model's own."""
    return name.endswith((*SCALES, *ASIDE))
