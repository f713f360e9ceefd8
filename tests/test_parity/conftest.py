from __future__ import annotations

import importlib

import pytest
import torch
from parity.case import load_both, smaller
from parity.cases import CASES


@pytest.fixture(scope="module", params=CASES, ids=str)
def both(request):
    """Each case in turn, loaded once."""
    case = request.param
    with pytest.MonkeyPatch.context() as patch:
        if case.sized_by:
            module = importlib.import_module(case.sized_by)
            patch.setattr(module, "calculate_dimensions", smaller(module.calculate_dimensions))
        yield load_both(case, request.getfixturevalue(f"tiny_{case.tiny}"))


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield
