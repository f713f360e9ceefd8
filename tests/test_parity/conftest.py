from __future__ import annotations

import importlib

import pytest
import torch
from parity.case import load_both, smaller
from parity.cases import CASES

_loaded = {}


@pytest.fixture(params=CASES, ids=str)
def both(request, monkeypatch):
    """Each case in turn, loaded once."""
    case = request.param
    if case.sized_by:
        module = importlib.import_module(case.sized_by)
        monkeypatch.setattr(module, "calculate_dimensions", smaller(module.calculate_dimensions))
    if case.title not in _loaded:
        _loaded.clear()
        _loaded[case.title] = load_both(case, request.getfixturevalue(f"tiny_{case.tiny}"))
    return _loaded[case.title]


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield
