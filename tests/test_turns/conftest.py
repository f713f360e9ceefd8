from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from parity.case import CPU, Both, Case, smaller
from parity.cases import CASES
from parity.measures import ours, sampled

from backend.families import turns as turning
from backend.families.lane import Lane
from backend.families.stay import tensors_of
from backend.families.turns import Turns, modules_of

ONE_EACH = tuple({case.tiny: case for case in reversed(CASES)}.values())
"""A case for every tiny model."""


@dataclass
class Painter:
    """A case's model, by our side alone, and what it paints."""

    case: Case
    folder: Path

    def load(self, place=turning.whole):
        module = importlib.import_module(f"backend.families.{self.case.adapter}")
        return Both(self.case, module.load(self.folder, CPU, torch.float32, place), None)

    def paint(self, both):
        """A picture that asks every part: one that is filled, by what the model is shown where it wants to be shown something."""
        picture = both.picture()
        references = [picture] if self.case.edits or self.case.layered else []
        return ours(both, sampled(both), picture, both.mask(), references)


@pytest.fixture(scope="module", params=ONE_EACH, ids=str)
def painter(request):
    """Every tiny model in turn."""
    case = request.param
    with pytest.MonkeyPatch.context() as patch:
        if case.sized_by:
            module = importlib.import_module(case.sized_by)
            patch.setattr(module, "calculate_dimensions", smaller(module.calculate_dimensions))
        yield Painter(case, request.getfixturevalue(f"tiny_{case.tiny}"))


@pytest.fixture
def flux(tiny_flux):
    (case,) = (case for case in CASES if case.title == "FLUX.1 dev")
    return Painter(case, tiny_flux)


@dataclass
class Watched:
    """A place for `load` in which parts take turns, and what was seen of it.

    Weights at home are no numbers in it: what works with one that has not been brought makes a picture that is none.
    """

    rung: str
    turns: Turns = None
    truth: dict[int, torch.Tensor] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    there: list[tuple[str, ...]] = field(default_factory=list)
    copied: list[int] = field(default_factory=list)

    def __call__(self, parts, device):
        modules = modules_of(parts)
        for tensor in tensors_of(*modules.values()):
            if tensor.is_floating_point():
                true, tensor.data = tensor.data, torch.full_like(tensor, float("nan"))
                self.truth[tensor.data_ptr()] = true
        streamed = frozenset(modules) - {"vae"} if self.rung == "streamed" else frozenset()
        self.turns = Turns(parts, device, 0, streamed)
        ask = self.turns.ask

        def watched(name):
            ask(name)
            self.asked.append(name)
            self.there.append(self.turns.there)

        self.turns.ask = watched
        return parts


@pytest.fixture
def watched(monkeypatch):
    """Makes places that are watched."""
    made = []

    def copy(lane, pairs, after):
        for there, home in pairs:
            there.copy_(made[-1].truth.get(home.data_ptr(), home))
            made[-1].copied.append(home.nbytes)

    def make(rung):
        made.append(Watched(rung))
        return made[-1]

    monkeypatch.setattr(Lane, "copy", copy)
    return make


@pytest.fixture(autouse=True)
def _no_gradients():
    with torch.inference_mode():
        yield
