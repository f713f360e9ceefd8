from __future__ import annotations

import pytest
import torch
from parity.case import load_both
from parity.cases import CASES

TITLES = (
    "Stable Diffusion 1.5",
    "Stable Diffusion XL",
    "Stable Diffusion 3.5 medium",
    "FLUX.1 dev",
    "FLUX.2 Klein",
    "Z-Image",
    "Qwen-Image",
    "Chroma",
)
"""One case of every family that has LoRAs."""

_loaded = {}


def loaded(title, request):
    """A case, loaded once for all tests in a row."""
    if title not in _loaded:
        _loaded.clear()
        (case,) = (case for case in CASES if case.title == title)
        _loaded[title] = load_both(case, request.getfixturevalue(f"tiny_{case.tiny}"))
    return _loaded[title]


@pytest.fixture(params=TITLES)
def both(request):
    """Each family in turn, with nothing attached."""
    yield from _clean(loaded(request.param, request))


@pytest.fixture
def sd1(request):
    yield from _clean(loaded("Stable Diffusion 1.5", request))


@pytest.fixture
def sdxl(request):
    yield from _clean(loaded("Stable Diffusion XL", request))


@pytest.fixture
def flux(request):
    yield from _clean(loaded("FLUX.1 dev", request))


def _clean(both):
    yield both
    both.pipeline.unload_lora_weights()
    for component in both.adapter.parts.components.values():
        if isinstance(component, torch.nn.Module):
            wrapped = [name for name, _ in component.named_modules() if "base_layer" in name]
            if wrapped:
                _loaded.clear()  # a test that failed in the middle spoils no other
            assert not wrapped, "a test ejects what it injects"


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield
