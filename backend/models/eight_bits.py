"""Which weights in 8 bits can be read: those that are what they say, and those of floats with a number beside them to be multiplied by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from backend.families.facts.written import scaled_by

from .headers import Tensor

FLOATS: Final = ("F8_E4M3", "F8_E5M2", "F16", "BF16", "F32")
"""Types of weights that a scale is multiplied into. Whole numbers, and two weights in one byte, stand for something else."""

PLAIN: Final = ("F16", "BF16", "F32")
"""Types of scales. One of powers of two alone (MXFP8) stands for a block of weights."""

UNREAD: Final = (
    "weights were scaled to fit into few bits, in a way that this version does not read. Fetch it in bfloat16 or float16, or in"
    " 8 bits with one scale a layer."
)
"""The end of a sentence for the painter."""


def unread_scale(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of a scale that is not understood; None where all are, or none is there."""
    return next((name for name in tensors if not _understood(name, tensors)), None)


def _understood(name: str, tensors: Mapping[str, Tensor]) -> bool:
    weight = scaled_by(name)
    if weight is None:
        return not name.endswith((".weight_scale_2", ".weight_scalar", ".scale_weight_2"))
    scaled, scale = tensors.get(weight), tensors[name]
    if scaled is None or scaled.dtype not in FLOATS or scale.dtype not in PLAIN or not scaled.shape:
        return False
    return all(side == 1 for side in scale.shape) or _whole(scale.shape) == scaled.shape[0]


def _whole(shape: tuple[int, ...]) -> int:
    """How many rows a scale of this shape is for; 0 for one that is not for rows."""
    return shape[0] if all(side == 1 for side in shape[1:]) else 0
