from __future__ import annotations

import pytest
import torch
from parity.case import load_both
from parity.cases import CASES

_loaded = {}


@pytest.fixture(params=CASES, ids=str)
def both(request):
    """Each case in turn, loaded once."""
    case = request.param
    if case.title not in _loaded:
        _loaded.clear()
        _loaded[case.title] = load_both(case, request.getfixturevalue(f"tiny_{case.tiny}"))
    return _loaded[case.title]


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield
