"""What the models run on: which device is the best, what is told of it, and in which dtype it calculates rightly."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from types import SimpleNamespace

import psutil
import pytest
import torch

from backend.engine import accelerator
from backend.engine.accelerator import best_device, describe, fitting_dtype, give_back_memory
from backend.engine.failures import CannotPaint
from backend.engine.loaded import ModelShelf
from backend.families import sd1
from backend.families.facts import FAMILIES
from backend.models import STARTER_ID, Library, LoraFolder, numbers_in
from protocol import DeviceInfo


def test_says_what_it_runs_on(engine):
    assert engine.device.kind == "cpu"
    assert engine.device.memory > 1 << 28
    assert engine.device.name


def test_the_device_can_be_asked_for_from_outside():
    command = [sys.executable, "-m", "backend.engine.device"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    found = DeviceInfo(**json.loads(said.stdout))
    assert asdict(found) == asdict(describe(best_device()))


GIBIBYTE = 1024**3


@pytest.fixture
def machine(monkeypatch):
    """A machine with these accelerators, as torch would tell of it."""

    def make(cuda="", xpu="", mps=False, memory=8 * GIBIBYTE, hip=None):
        properties = {
            "cuda": SimpleNamespace(name=cuda, total_memory=memory),
            "xpu": SimpleNamespace(name=xpu, total_memory=memory),
        }
        for kind, name in (("cuda", cuda), ("xpu", xpu)):
            torch_kind = getattr(torch, kind)
            monkeypatch.setattr(torch_kind, "is_available", lambda there=bool(name): there)
            monkeypatch.setattr(torch_kind, "current_device", lambda: 1)
            monkeypatch.setattr(torch_kind, "get_device_properties", lambda device, told=properties[kind]: told)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: memory)
        monkeypatch.setattr(torch.version, "hip", hip)

    return make


@pytest.mark.parametrize(
    ("there", "device", "kind"),
    [
        ({"cuda": "NVIDIA GeForce RTX 4070", "xpu": "Intel Arc"}, "cuda:1", "cuda"),
        ({"cuda": "AMD Radeon RX 7900 XTX", "hip": "6.4"}, "cuda:1", "rocm"),
        ({"xpu": "Intel Arc A770", "mps": True}, "xpu:1", "xpu"),
        ({"mps": True}, "mps", "mps"),
        ({}, "cpu", "cpu"),
    ],
)
def test_the_best_device_is_taken_and_told_with_its_memory(machine, there, device, kind):
    machine(**there)
    best = best_device()
    assert str(best) == device
    told = describe(best)
    assert told.kind == kind
    assert told.name == (there.get("cuda") or there.get("xpu") or told.name) != ""
    assert told.memory == 8 * GIBIBYTE or kind == "cpu"


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("NVIDIA GeForce GTX 1660 SUPER", "float32"),
        ("NVIDIA GeForce GTX 1650", "float32"),
        ("NVIDIA T500", "float32"),
        ("NVIDIA GeForce MX450", "float32"),
        ("Quadro T2000", "float32"),
        ("NVIDIA GeForce GTX 1060 6GB", "float16"),
        ("NVIDIA GeForce RTX 2060", "float16"),
        ("Tesla T4", "float16"),
        ("NVIDIA H100 80GB HBM3", "float16"),
    ],
)
def test_cards_that_make_nan_in_float16_run_in_float32(machine, name, dtype):
    machine(cuda=name)
    assert fitting_dtype(torch.device("cuda", 0), "float16", int) == dtype
    assert fitting_dtype(torch.device("cuda", 0), "bfloat16", int) == "bfloat16"


@pytest.mark.parametrize("kind", ["cpu", "mps", "xpu"])
def test_other_devices_run_in_what_the_facts_say(kind):
    assert fitting_dtype(torch.device(kind), "float16", int) == "float16"


@pytest.mark.parametrize(
    ("knows", "gigabytes", "dtype"), [(True, 64, "bfloat16"), (False, 8, "bfloat16"), (False, 16, "float32")]
)
def test_a_processor_without_bfloat16_runs_in_float32_where_the_weights_fit(monkeypatch, knows, gigabytes, dtype):
    monkeypatch.setattr(accelerator, "knows_bfloat16", lambda: knows)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=gigabytes * 10**9))
    assert fitting_dtype(torch.device("cpu"), "bfloat16", lambda: 2_600_000_000) == dtype
    assert fitting_dtype(torch.device("cpu"), "float32", lambda: 10**15) == "float32"


def test_the_numbers_of_a_model_are_those_of_its_parts(tiny_sdxl, tmp_path):
    from diffusers import StableDiffusionXLPipeline

    parts = StableDiffusionXLPipeline.from_pretrained(tiny_sdxl, local_files_only=True).components.values()
    every = sum(p.numel() for part in parts if isinstance(part, torch.nn.Module) for p in part.parameters())
    shutil.copytree(tiny_sdxl, tmp_path / "models" / "tiny")
    (info,) = [info for info in Library(tmp_path / "models").infos() if info.family == "sdxl"]
    whole = Library(tmp_path / "models").find(info.id)
    assert numbers_in(whole) == every
    # the same in another precision beside it
    unet = tmp_path / "models/tiny/unet"
    shutil.copy(unet / "diffusion_pytorch_model.safetensors", unet / "diffusion_pytorch_model.fp16.safetensors")
    assert numbers_in(whole) == every


@pytest.mark.parametrize(
    ("family", "dtype"), [("sd1", "float16"), ("sdxl", "float16"), ("flux", "bfloat16"), ("sd3", "bfloat16")]
)
def test_a_model_is_loaded_in_the_dtype_of_the_device(machine, library, monkeypatch, family, dtype):
    """On a graphics card that is not there, up to the moment at which weights would be moved to it."""
    machine(cuda="NVIDIA GeForce RTX 4070")
    asked = []

    def load(folder, device, wanted, place):
        asked.append((str(device), wanted))
        raise MemoryError

    monkeypatch.setattr(sd1, "load", load)
    entry = library.find(STARTER_ID)
    facts = replace(entry.facts, dtypes=FAMILIES[family].dtypes)
    monkeypatch.setattr(library, "find", lambda name: replace(entry, facts=facts, hashes=None))
    device = best_device()
    with pytest.raises(CannotPaint, match="memory to load"):
        ModelShelf(library, LoraFolder(library.loras), device, describe(device), None).get(STARTER_ID)
    with pytest.raises(CannotPaint, match="memory to load"):
        ModelShelf(library, LoraFolder(library.loras), device, describe(device), "float32").get(STARTER_ID)
    assert asked == [("cuda:1", getattr(torch, dtype)), ("cuda:1", torch.float32)]


@pytest.mark.parametrize(("kind", "emptied"), [("cuda", "cuda"), ("xpu", "xpu"), ("mps", "mps"), ("cpu", "")])
def test_memory_goes_back_to_the_device_that_it_was_of(monkeypatch, kind, emptied):
    calls = []
    for name in ("cuda", "xpu", "mps"):
        monkeypatch.setattr(getattr(torch, name), "empty_cache", lambda name=name: calls.append(name))
    give_back_memory(torch.device(kind))
    assert "".join(calls) == emptied
