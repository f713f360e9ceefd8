"""What the models run on."""

from __future__ import annotations

import gc
from typing import Any

import psutil
import torch

from protocol import DeviceInfo

from .processor import processor_name


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


def give_back_memory(device: torch.device) -> None:
    """Return to the system what no tensor uses any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
