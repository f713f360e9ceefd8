"""Weights that stay on a device for a while: what comes, what goes, and what is at home all the time."""

from __future__ import annotations

import pytest
import torch

from backend.families.lane import Lane
from backend.families.stay import Stay, tensors_of
from backend.families.turns import Turns

CPU = torch.device("cpu")


@pytest.fixture
def weights():
    return [torch.nn.Parameter(torch.randn(3), requires_grad=False), torch.arange(4), torch.randn(2, 2)]


@pytest.fixture
def stay(weights):
    return Stay(lambda: weights, CPU, Lane(CPU))


def where(weights):
    return [weight.data_ptr() for weight in weights]


def test_what_is_there_is_a_copy_and_what_is_home_never_moved(stay, weights):
    homes, values = where(weights), [weight.clone() for weight in weights]
    for _ in range(2):
        stay.arrive()
        assert stay.is_there
        assert not set(where(weights)) & set(homes)
        assert all(torch.equal(one, other) for one, other in zip(weights, values, strict=True))
        stay.leave()
        assert not stay.is_there
        assert where(weights) == homes
    assert stay.nbytes == sum(weight.nbytes for weight in weights)


def test_to_arrive_twice_copies_once(stay, weights):
    stay.arrive()
    there = where(weights)
    stay.arrive()
    assert where(weights) == there


def test_what_came_since_is_brought_too_and_what_went_is_forgotten(stay, weights):
    stay.arrive()
    there = where(weights)
    came = torch.randn(5)
    home = came.data_ptr()
    gone = weights.pop(0)
    weights.append(came)
    stay.arrive()
    assert where(weights)[:-1] == there[1:]
    assert came.data_ptr() != home
    stay.leave()
    assert came.data_ptr() == home
    assert gone.data_ptr() == there[0], "nobody has it any more"


def test_memory_is_taken_then_filled_then_used(stay, weights):
    homes = where(weights)
    stay.prepare()
    assert stay.is_there
    stay.fetch()
    assert where(weights) == homes, "it may be asked for something else before"
    stay.arrive()
    assert not set(where(weights)) & set(homes)


@pytest.mark.parametrize("steps", [["prepare"], ["prepare", "fetch"], ["prepare", "fetch", "prepare"]])
def test_what_never_arrived_leaves_as_well(stay, weights, steps):
    homes, values = where(weights), [weight.clone() for weight in weights]
    for step in steps:
        getattr(stay, step)()
    stay.leave()
    assert not stay.is_there
    assert where(weights) == homes
    stay.arrive()
    assert all(torch.equal(one, other) for one, other in zip(weights, values, strict=True))


def test_what_was_changed_there_stays_changed(stay, weights):
    stay.arrive()
    weights[0].data = weights[0].data.double() * 2
    changed = weights[0].clone()
    stay.leave()
    assert torch.equal(weights[0], changed)
    stay.arrive()
    assert torch.equal(weights[0], changed)
    assert weights[0].dtype == torch.float64


def test_it_does_not_matter_in_which_mode_models_are_loaded_and_let_go():
    for mode in (True, False):
        with torch.inference_mode(mode):
            layer = torch.nn.Linear(3, 3).requires_grad_(False)
            layer.register_buffer("steps", torch.arange(3))
        own = Stay(lambda layer=layer: tensors_of(layer), CPU, Lane(CPU))
        homes = where(tensors_of(layer))
        with torch.inference_mode():
            own.arrive()
            layer(torch.ones(1, 3))
        with torch.inference_mode(False):
            own.leave()
        assert where(tensors_of(layer)) == homes


def test_tensors_are_found_once():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    model.append(model[0])
    assert len(tensors_of(model)) == 2 + 2 + 3
    assert len(tensors_of(model, model)) == 7


class Parts:
    """As much of a pipeline as turns are taken by."""

    def __init__(self, **parts):
        self.components = {**parts, "tokenizer": None}


def test_a_new_picture_asks_anew_whether_there_is_room():
    parts = Parts(unet=torch.nn.Linear(4, 4), vae=torch.nn.Linear(4, 4))
    turns = Turns(parts, CPU, 1000)
    for part in (parts.components["vae"], parts.components["unet"]):
        part(torch.ones(1, 4))
    assert turns.there == ("vae", "unet")
    parts.components["unet"](torch.ones(1, 4))
    turns.expect({"unet": 1000})
    parts.components["unet"](torch.ones(1, 4))
    assert turns.there == ("unet",)


def test_a_new_picture_brings_what_came_since_the_last_one():
    parts = Parts(unet=torch.nn.Linear(4, 4))
    turns = Turns(parts, CPU)
    unet = parts.components["unet"]
    unet(torch.ones(1, 4))
    unet.more = torch.nn.Parameter(torch.ones(4))
    home = unet.more.data_ptr()
    turns.expect({})
    unet(torch.ones(1, 4))
    assert unet.more.data_ptr() != home


def test_a_device_that_was_full_is_asked_again(monkeypatch):
    parts = Parts(unet=torch.nn.Linear(4, 4), vae=torch.nn.Linear(4, 4))
    turns = Turns(parts, CPU)
    unet, vae = parts.components["unet"], parts.components["vae"]
    homes = where(tensors_of(unet, vae))
    vae(torch.ones(1, 4))
    empty_like, left = torch.empty_like, [1]

    def full(*told, **more):
        if not left:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        left.pop()
        return empty_like(*told, **more)

    monkeypatch.setattr(torch, "empty_like", full)
    with pytest.raises(torch.OutOfMemoryError):
        unet(torch.ones(1, 4))
    monkeypatch.undo()
    assert turns.there == ()
    assert where(tensors_of(unet, vae)) == homes
    vae(torch.ones(1, 4))
    assert turns.there == ("vae",)
    unet(torch.ones(1, 4))
    assert turns.there == ("unet",)
    assert not set(where(tensors_of(unet))) & set(homes)
