"""Weights laid into pieces of locked memory."""

from __future__ import annotations

import pytest
import torch

from backend.families import lane
from backend.families.lane import ALIGNED, CHUNK_BYTES, Lane, chunks, locked

MIB = 1024**2
CPU = torch.device("cpu")

FLUX_BLOCK = [3072 * 3072 * 2] * 8 + [3072 * 12288 * 2] * 4 + [3072 * 18432 * 2] * 2 + [3072 * 2] * 20
"""Bytes of the weights of one of FLUX.1's larger blocks."""


@pytest.mark.parametrize(
    "sizes",
    [[], [0], [1], [1, 1, 1], [CHUNK_BYTES], [CHUNK_BYTES + 1], [300 * MIB] * 5, FLUX_BLOCK * 19, [5, 0, 700 * MIB, 3]],
    ids=lambda sizes: f"{len(sizes)} of {sum(sizes)}",
)
def test_everything_has_a_place_of_its_own(sizes):
    laid = chunks(sizes)
    places = [(number, index, start) for number, chunk in enumerate(laid) for index, start in chunk.places]
    assert [index for _, index, _ in places] == list(range(len(sizes)))
    for chunk in laid:
        assert chunk.size & (chunk.size - 1) == 0, "torch would round it up"
        end = 0
        for index, start in chunk.places:
            assert start >= end
            assert start % ALIGNED == 0
            end = start + sizes[index]
        assert end <= chunk.size


def test_little_is_lost_where_single_weights_would_lose_much():
    alone = sum(1 << (size - 1).bit_length() for size in FLUX_BLOCK)
    whole = FLUX_BLOCK * 19
    taken = sum(chunk.size for chunk in chunks(whole))
    assert taken < 1.15 * sum(whole)
    assert taken < 0.85 * 19 * alone


def test_weights_move_and_stay_what_they_are(monkeypatch):
    made = []

    def empty(size, dtype, pin_memory):
        assert pin_memory
        made.append(torch.zeros(size, dtype=dtype))
        return made[-1]

    weights = [torch.randn(3, 5), torch.randn(7).to(torch.bfloat16), torch.arange(4), torch.randn(0), torch.tensor(2.0)]
    before = [weight.clone() for weight in weights]
    monkeypatch.setattr(lane.torch, "empty", empty)
    assert locked(weights, torch.device("cuda"), 10**9) == len(made[0])
    held = made[0].untyped_storage().data_ptr()
    for weight, was in zip(weights, before, strict=True):
        assert torch.equal(weight, was)
        assert weight.dtype == was.dtype
        assert weight.untyped_storage().data_ptr() == held


@pytest.mark.parametrize(("device", "most"), [("cpu", 10**9), ("cuda", 0), ("cuda", 1000)])
def test_nothing_is_locked_where_that_is_of_no_use_or_too_much(device, most):
    weight = torch.randn(4000)
    where = weight.data_ptr()
    assert locked([weight], torch.device(device), most) == 0
    assert weight.data_ptr() == where


def test_a_system_that_locks_no_more_is_only_slower(monkeypatch):
    def full(*told, **more):
        raise RuntimeError("CUDA error: out of memory")

    weight = torch.randn(4)
    where = weight.data_ptr()
    monkeypatch.setattr(lane.torch, "empty", full)
    assert locked([weight], torch.device("cuda"), 10**9) == 0
    assert weight.data_ptr() == where


def test_on_a_processor_a_copy_is_done_at_once():
    way, there, home = Lane(CPU), torch.zeros(3), torch.ones(3)
    assert way.now() is None
    assert way.copy([(there, home)], None) is None
    assert torch.equal(there, home)
    way.wait(None)
    way.finish()
