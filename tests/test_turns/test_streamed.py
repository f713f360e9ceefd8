"""A part in pieces: none within another, all of it in them or staying, and never more than two of them there."""

from __future__ import annotations

import pytest
import torch
from parity.measures import ours, sampled

from backend.families import streamed
from backend.families.stay import tensors_of
from backend.families.streamed import FEWEST_PIECES, Streamed, cut
from backend.families.turns import modules_of


def test_pieces_share_nothing_and_most_is_in_them(painter):
    for name, part in modules_of(painter.load().adapter.parts).items():
        pieces = cut(part)
        own = [{id(tensor) for tensor in tensors_of(piece)} for piece in pieces]
        assert len(set().union(*own)) == sum(map(len, own)), name
        inside = sum(weight.nbytes for piece in pieces for weight in piece.parameters())
        assert inside > 0.5 * sum(weight.nbytes for weight in part.parameters()), name


PIECES = 21
"""Of the model below: its embedding and its blocks."""


def block(width=8):
    return torch.nn.Linear(width, width)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(64, 8)
        self.blocks = torch.nn.ModuleList(block() for _ in range(20))
        self.own = torch.nn.Parameter(torch.ones(8))
        self.tiny = torch.nn.LayerNorm(1)
        self.back = torch.nn.Linear(8, 64, bias=False)
        self.back.weight = self.words.weight

    def forward(self, ids, order=range(20)):
        states = self.words(ids) * self.own
        for number in order:
            states = self.blocks[number](states)
        return self.back(states)


def test_what_two_modules_share_stays(monkeypatch):
    model = Model().requires_grad_(False)
    assert cut(model) == list(model.blocks)
    del model.back
    assert cut(model) == [model.words, *model.blocks], "it is larger than a piece should be, and cannot be cut"
    monkeypatch.setattr(streamed, "LEAST_SHARE", 0.5)
    assert cut(model) == [model.words]


def test_a_piece_is_at_most_its_share(painter):
    for part in modules_of(painter.load().adapter.parts).values():
        most = sum(tensor.nbytes for tensor in tensors_of(part)) // FEWEST_PIECES
        for piece in cut(part):
            assert sum(tensor.nbytes for tensor in tensors_of(piece)) <= most or not any(piece.children())


class Watching:
    """Which pieces are there whenever one works, and how many had to be waited for."""

    def __init__(self, model):
        from backend.families.lane import Lane

        self.part = Streamed(model, torch.device("cpu"), Lane(torch.device("cpu")))
        self.model = model
        self.seen = []
        self.waited = []
        ask = self.part._ask

        def watched(number, *called):
            self.waited.append(not self.part._stays[number].is_there)
            ask(number, *called)

        for handle in self.part._handles[::2]:
            handle.remove()
        for number, piece in enumerate(self.part._pieces):
            piece.register_forward_pre_hook(lambda _m, _a, number=number: watched(number))
            piece.register_forward_hook(lambda _m, _a, _o: self.seen.append(self._there()))

    def _there(self):
        return tuple(number for number, stay in enumerate(self.part._stays) if stay.is_there)

    def __call__(self, ids, order=range(20)):
        self.seen.clear()
        self.waited.clear()
        self.part.arrive()
        return self.model(ids, order)


@pytest.fixture
def model():
    torch.manual_seed(1)
    made = Model().requires_grad_(False)
    del made.back
    made.back = torch.nn.Identity()
    return made


def test_the_next_one_is_fetched_while_one_works(model):
    ids = torch.tensor([[1, 2, 3]])
    expected = model(ids)
    watching = Watching(model)
    assert torch.equal(watching(ids), expected)
    assert all(watching.waited), "nobody knew what would come"
    assert watching.seen == [(number,) for number in range(PIECES)]
    assert torch.equal(watching(ids), expected)
    assert watching.waited == [True] + [False] * (PIECES - 1)
    assert watching.seen == [(number, number + 1) for number in range(PIECES - 1)] + [(0, PIECES - 1)]
    assert torch.equal(watching(ids), expected)
    assert not any(watching.waited), "the first one was fetched beside the last"
    watching.part.leave()
    assert watching._there() == ()


def test_another_order_is_learned_and_never_wrong(model):
    ids = torch.tensor([[1, 2, 3]])
    orders = [list(range(20)), list(range(19, -1, -1)), [0, 0, 5, 5, 1], [3], list(range(0, 20, 2))]
    expected = [model(ids, order) for order in orders]
    watching = Watching(model)
    for _ in range(2):
        for order, wanted in zip(orders, expected, strict=True):
            assert torch.equal(watching(ids, order), wanted)
            assert all(len(there) <= 2 for there in watching.seen)
    watching(ids, orders[1])
    assert torch.equal(watching(ids, orders[1]), expected[1])
    assert sum(watching.waited) <= 1


def test_what_it_takes_is_two_pieces_and_the_rest(model):
    part = Watching(model).part
    one = sum(tensor.nbytes for tensor in tensors_of(model.blocks[0]))
    rest = sum(tensor.nbytes for tensor in (model.own, *model.tiny.parameters()))
    assert part.nbytes == model.words.weight.nbytes + one + rest


def test_pieces_of_a_real_transformer_follow_each_other(flux, watched):
    place = watched("streamed")
    both = flux.load(place)
    ours(both, sampled(both))
    part = place.turns._parts["transformer"]
    place.turns.expect({})
    assert len(part._following) == len(part._pieces)
