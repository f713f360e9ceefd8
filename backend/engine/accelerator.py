"""What the models run on."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable
from typing import Any, Final

import psutil
import torch

from backend.families.facts import DType
from protocol import DeviceInfo

from .processor import processor_name

WRONG_IN_HALF: Final = re.compile(r"\b(GTX 16[356]0|T[56]00|T550|T1000|T1200|T2000|MX[45]50)\b")
"""Names of NVIDIA's Turing cards without tensor cores, which in float16 make NaN of Stable Diffusion: A1111's users run them with
``--no-half``, and ComfyUI's ``model_management.py`` keeps the same list."""

FLOAT32_BYTES: Final = 4

WEIGHTS_SHARE: Final = 0.7
"""Of a computer's memory, that weights in float32 may take: 20 GB hold SDXL, 16 do not. What is left is for painting and other programs.

A step of a UNet of SDXL's make took 15 times as long in bfloat16 as in float32 on a processor without instructions for it (AVX2)."""


LOCKED_SHARE: Final = 0.45
"""Of a computer's memory, that a device may read by itself and nobody else can have: Windows locks about half of it at most, and
ComfyUI's ``model_management.py`` stops here as well."""

LEFT_BYTES: Final = 4 * 1024**3
"""Of a computer's memory that is free, for Krita, its pictures and the rest: locked memory cannot be taken back from us."""


def best_device() -> torch.device:
    """The first accelerator that torch can use, else the processor."""
    if torch.cuda.is_available():  # ROCm answers here as well
        return torch.device("cuda", torch.cuda.current_device())
    if torch.xpu.is_available():
        return torch.device("xpu", torch.xpu.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def describe(device: torch.device) -> DeviceInfo:
    """Name, kind and memory of a device: all of its memory, whoever uses it now."""
    if device.type == "cuda":
        properties: Any = torch.cuda.get_device_properties(device)
        return DeviceInfo(properties.name, "rocm" if torch.version.hip else "cuda", properties.total_memory)
    if device.type == "xpu":
        properties = torch.xpu.get_device_properties(device)
        return DeviceInfo(properties.name, "xpu", properties.total_memory)
    if device.type == "mps":
        return DeviceInfo(processor_name(), "mps", torch.mps.recommended_max_memory())
    return DeviceInfo(processor_name(), "cpu", psutil.virtual_memory().total)


def knows_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16 as quickly as it can, by torch's own library for it."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def fitting_dtype(device: torch.device, wanted: DType, numbers: Callable[[], int]) -> DType:
    """The dtype to run a model in on a device, where the facts of its kind want that one.

    float32 where that one is calculated wrongly, or many times as slowly and there is room for the weights, which are so many
    `numbers`.
    """
    if wanted == "float16" and device.type == "cuda":
        name: str = torch.cuda.get_device_properties(device).name
        if WRONG_IN_HALF.search(name):
            return "float32"
    if wanted == "bfloat16" and device.type == "cpu" and not knows_bfloat16():
        room = int(psutil.virtual_memory().total * WEIGHTS_SHARE)
        if numbers() * FLOAT32_BYTES <= room:
            return "float32"
    return wanted


def free_memory(device: torch.device) -> int | None:
    """What a device has left now, whoever has the rest; None for one that has no memory of its own."""
    if device.type not in ("cuda", "xpu"):
        return None
    free: int = torch.get_device_module(device).mem_get_info(device)[0]
    return free


def free_at_home() -> int:
    """What the computer's own memory has left now."""
    return int(psutil.virtual_memory().available)


def lockable() -> int:
    """How much of the computer's memory may be locked, so that a device reads it by itself."""
    memory = psutil.virtual_memory()
    return max(0, min(int(memory.total * LOCKED_SHARE), memory.available - LEFT_BYTES))


def give_back_memory(device: torch.device) -> None:
    """Return to the system what no tensor uses any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    if torch.accelerator.is_available():
        # what was locked of the computer's memory
        torch.accelerator.empty_host_cache()


def is_lost(device: torch.device) -> bool:
    """Whether a device calculates nothing any more, after an error that nobody foresaw.

    A fault on a GPU (memory out of bounds, a driver that was reset, a computer that slept) makes every later call of its process
    fail as well. One that is only full does answer.
    """
    if device.type == "cpu":
        return False
    try:
        torch.zeros(1, device=device).add_(1).cpu()
    except torch.OutOfMemoryError:
        return False
    except Exception:  # noqa: BLE001 - each device has exceptions of its own
        return True
    return False
