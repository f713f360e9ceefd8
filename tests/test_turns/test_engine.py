"""The engine with models that do not fit: the same pictures, what the painter is told, and where it goes when memory runs out."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_runs import SQUARE, disc, picture, planned, run, send

from backend.engine import Engine, accelerator, engine, loaded, placing
from backend.engine.placing import NEWS
from backend.families.stay import tensors_of
from backend.families.turns import modules_of
from backend.models import Library
from backend.plan import Finished, PictureMade, PreviewMade, Stepped, Stopped, WentWrong
from protocol import DeviceInfo, Extent, Style

MIB = 1024**2
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def library(tiny_sd15):
    return Library(tiny_sd15.parent)


@pytest.fixture(scope="module")
def model(library):
    return next(info.id for info in library.infos() if info.name == "tiny-sd15")


def filled(library, model, **values):
    sent = send(picture(), disc(), prompt="a star", seed=5, strength=0.8, style=Style(model=model, steps=3), **values)
    return replace(planned(library, sent, model), size=Extent(64, 64)), sent.contents


@pytest.fixture(scope="module")
def expected(library, model):
    with torch.inference_mode():
        return run(Engine(library, device="cpu"), *filled(library, model))


def contents(heard):
    return [event.content for event in heard.of((PictureMade, PreviewMade))]


@pytest.mark.parametrize("rung", ["turns", "streamed"])
def test_pictures_and_previews_are_the_same_to_the_bit_and_the_painter_is_told_once(library, model, expected, rung):
    lower = Engine(library, device="cpu", at_least=rung)
    first, second = (run(lower, *filled(library, model)) for _ in range(2))
    assert contents(first) == contents(second) == contents(expected)
    assert expected.of(PreviewMade)
    assert expected.end == Finished(())
    assert first.end == Finished((NEWS[rung].format(title=library.find(model).facts.title),))
    assert second.end == Finished(())


def card(monkeypatch, mebibytes, free=None, kind="cuda"):
    """The processor as a card of that much memory, of which so much is free."""
    monkeypatch.setattr(engine, "describe", lambda device: DeviceInfo("a card", kind, mebibytes * MIB))
    monkeypatch.setattr(placing, "free_memory", lambda device: None if free is None else free * MIB)


def shelf_of(some_engine):
    return some_engine._shelf


def rung_of(some_engine):
    return shelf_of(some_engine)._model.placing.rung


NONE = 1024
"""MiB that a desktop takes alone."""


@pytest.mark.parametrize(("mebibytes", "rung"), [(8192, "whole"), (NONE, "streamed")])
def test_it_is_chosen_by_what_the_card_has(monkeypatch, library, model, expected, mebibytes, rung):
    card(monkeypatch, mebibytes)
    chosen = Engine(library, device="cpu", dtype="float32")
    heard = run(chosen, *filled(library, model))
    assert rung_of(chosen) == rung
    assert contents(heard) == contents(expected)
    assert shelf_of(chosen)._model.placing.takes_turns == (rung != "whole")


def test_what_others_have_of_the_card_counts(monkeypatch, library, model):
    card(monkeypatch, 8192, free=NONE - 1024)
    chosen = Engine(library, device="cpu", dtype="float32")
    run(chosen, *filled(library, model))
    assert rung_of(chosen) == "streamed"


def test_all_that_fits_has_no_hook(library, model):
    plain = Engine(library, device="cpu")
    run(plain, *filled(library, model))
    assert hooks_in(shelf_of(plain)._model.adapter.parts) == []
    assert not shelf_of(plain)._model.placing.takes_turns


def hooks_in(parts):
    """All hooks but those of transformers, which keeps its own where it has once handed out hidden states."""
    return [
        hook
        for part in modules_of(parts).values()
        for module in part.modules()
        for hook in (
            *module._forward_hooks.values(),
            *module._forward_pre_hooks.values(),
            *filter(None, [getattr(module, "_hf_hook", None)]),
        )
        if not getattr(hook, "__module__", "").startswith("transformers.")
    ]


@pytest.mark.parametrize("rung", ["turns", "streamed"])
def test_clear_leaves_no_hook_and_frees_both_memories(library, model, rung):
    lower = Engine(library, device="cpu", at_least=rung)
    run(lower, *filled(library, model))
    parts = shelf_of(lower)._model.adapter.parts
    assert len(hooks_in(parts)) >= 3
    vae = modules_of(parts)["vae"]
    where = [tensor.data_ptr() for tensor in tensors_of(vae)]
    shelf_of(lower).clear()
    assert hooks_in(parts) == []
    assert [tensor.data_ptr() for tensor in tensors_of(vae)] != where, "the copies are gone"
    gone = weakref.ref(parts.unet)
    del parts, vae
    gc.collect()
    assert gone() is None


def test_locked_memory_is_given_back_to_the_system(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: asked.append("card"))
    monkeypatch.setattr(torch.accelerator, "empty_host_cache", lambda: asked.append("computer"))
    accelerator.give_back_memory(torch.device("cuda"))
    assert asked == ["card", "computer"]


def test_some_memory_is_left_to_others(monkeypatch):
    class Memory:
        total, available = 64 * 1024**3, 50 * 1024**3

    monkeypatch.setattr(accelerator.psutil, "virtual_memory", Memory)
    assert accelerator.lockable() == int(0.45 * Memory.total)
    Memory.available = 10 * 1024**3
    assert accelerator.lockable() == 6 * 1024**3
    Memory.available = 1024**3
    assert accelerator.lockable() == 0


def test_another_model_takes_the_place_of_one_that_took_turns(library, model, expected):
    lower = Engine(library, device="cpu", at_least="turns")
    run(lower, *filled(library, model))
    before = shelf_of(lower)._model.adapter.parts
    from backend.models import STARTER_ID

    sent = send(extent=SQUARE, prompt="a house", style=Style(steps=2))
    assert isinstance(run(lower, planned(library, sent)).end, Finished)
    assert hooks_in(before) == []
    assert shelf_of(lower)._entry.info.id == STARTER_ID
    assert contents(run(lower, *filled(library, model))) == contents(expected)


# ---------------------------------------------------------------- when memory runs out


class FullCard:
    """Runs out of memory so often when it is to denoise."""

    def __init__(self, monkeypatch, times):
        self.left = times
        predict = engine.denoise

        def denoise(*told, **more):
            if self.left:
                self.left -= 1
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return predict(*told, **more)

        monkeypatch.setattr(engine, "denoise", denoise)


@pytest.mark.parametrize(("times", "rung"), [(0, "whole"), (1, "turns"), (2, "streamed")])
def test_what_runs_out_of_memory_paints_one_rung_lower(monkeypatch, library, model, expected, times, rung):
    card(monkeypatch, 8192)
    FullCard(monkeypatch, times)
    some = Engine(library, device="cpu", dtype="float32")
    heard = run(some, *filled(library, model))
    assert isinstance(heard.end, Finished)
    assert contents(heard) == contents(expected)
    assert rung_of(some) == rung
    assert len(heard.of(PictureMade)) == 1
    assert [step.stage for step in heard.of(Stepped)].count("loading") == times + 1
    # and stays there, for it would run out again
    run(some, *filled(library, model))
    assert rung_of(some) == rung


def test_another_model_between_gives_it_another_try(monkeypatch, library, model):
    card(monkeypatch, 8192)
    FullCard(monkeypatch, 1)
    some = Engine(library, device="cpu", dtype="float32")
    run(some, *filled(library, model))
    assert rung_of(some) == "turns"
    run(some, planned(library, send(extent=SQUARE, prompt="a house", style=Style(steps=1))))
    run(some, *filled(library, model))
    assert rung_of(some) == "whole"


def test_below_the_last_rung_the_painter_is_told(monkeypatch, library, model):
    card(monkeypatch, 8192)
    FullCard(monkeypatch, 3)
    some = Engine(library, device="cpu", dtype="float32")
    heard = run(some, *filled(library, model))
    assert isinstance(heard.end, WentWrong)
    assert heard.end.failure.code == "out_of_memory"
    assert shelf_of(some)._model is None


def test_a_processor_has_no_lower_rung(monkeypatch, library, model):
    FullCard(monkeypatch, 1)
    heard = run(Engine(library, device="cpu"), *filled(library, model))
    assert heard.end.failure.code == "out_of_memory"


def test_no_picture_comes_twice(monkeypatch, library, model):
    card(monkeypatch, 8192)
    plan, sent = filled(library, model, count=2)
    monkeypatch.setattr(loaded, "room_for", lambda *told: 1)
    painted = []
    decode = engine.decode

    def full_at_the_second(*told):
        painted.append(1)
        if len(painted) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return decode(*told)

    monkeypatch.setattr(engine, "decode", full_at_the_second)
    heard = run(Engine(library, device="cpu", dtype="float32"), plan, sent)
    assert heard.end.failure.code == "out_of_memory"
    assert len(heard.of(PictureMade)) == 1


def test_what_is_full_beside_the_card_is_no_reason_to_use_less_of_it(monkeypatch, library, model):
    card(monkeypatch, 8192)

    def full(*told):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(engine, "denoise", full)
    some = Engine(library, device="cpu", dtype="float32")
    assert run(some, *filled(library, model)).end.failure.code == "out_of_memory"
    monkeypatch.undo()
    assert shelf_of(some)._lowered is None


def test_a_model_that_turns_out_not_to_fit_while_it_is_loaded_takes_turns(monkeypatch, library, model, expected):
    card(monkeypatch, 8192)

    def full(parts, device):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(placing, "whole", full)
    some = Engine(library, device="cpu", dtype="float32")
    assert contents(run(some, *filled(library, model))) == contents(expected)
    assert rung_of(some) == "turns"


def test_what_fits_nowhere_is_told_before_it_is_loaded(monkeypatch, library, model):
    card(monkeypatch, NONE)
    monkeypatch.setattr(placing, "free_at_home", lambda: 1000)
    some = Engine(library, device="cpu", dtype="float32")
    monkeypatch.setattr(placing.Placing, "__call__", lambda *_: pytest.fail("it was loaded"))
    failure = run(some, *filled(library, model)).end.failure
    assert failure.code == "out_of_memory"
    assert "larger than the graphics card's memory" in failure.happened
    assert "computer's memory" in failure.happened


@pytest.mark.parametrize(("mebibytes", "kind"), [(8192, "cuda"), (NONE, "cpu")])
def test_what_fits_the_card_is_not_asked_whether_it_fits_the_computer(monkeypatch, library, model, mebibytes, kind):
    card(monkeypatch, mebibytes, kind=kind)
    monkeypatch.setattr(placing, "free_at_home", lambda: 1000)
    some = Engine(library, device="cpu", dtype="float32")
    assert isinstance(run(some, *filled(library, model)).end, Finished)


# ---------------------------------------------------------------- what must not happen between two steps


def test_the_vae_does_not_come_between_two_steps(monkeypatch, library, model):
    from backend.families.turns import Turns

    asked = []
    ask = Turns.ask
    monkeypatch.setattr(Turns, "ask", lambda turns, name: (asked.append(name), ask(turns, name))[1])
    plan, sent = filled(library, model)
    assert plan.previews
    run(Engine(library, device="cpu", at_least="turns"), plan, sent)
    first, last = asked.index("unet"), len(asked) - asked[::-1].index("unet")
    assert set(asked[first:last]) == {"unet"}


def test_a_cancel_is_heeded_before_anything_comes_for_it(library, model):
    lower = Engine(library, device="cpu", at_least="turns")
    run(lower, *filled(library, model))
    turns = shelf_of(lower)._model.placing._turns
    shelf_of(lower)._model._texts.clear()
    assert turns.there == ("vae",)
    heard = run(
        lower,
        *filled(library, model),
        stop_after=lambda events: any(isinstance(event, Stepped) and event.stage == "encoding" for event in events),
    )
    assert isinstance(heard.end, Stopped)
    assert turns.there == ("vae",)


def test_several_at_once_are_counted_by_what_the_denoiser_leaves(monkeypatch, library, model):
    card(monkeypatch, 8192)
    some = Engine(library, device="cpu", dtype="float32", at_least="turns")
    run(some, *filled(library, model))
    shelf, held = shelf_of(some), shelf_of(some)._model
    assert shelf.room_for(held, Extent(512, 512)) == 1, "nothing is trusted any more"
    held.placing._places = replace(held.placing._places, room=4 * 1024**3)
    at_once = shelf.room_for(held, Extent(512, 512))
    assert at_once == (4 * 1024**3 - held.placing._turns.weight("unet")) // held.facts.bytes_of(512 * 512, "cuda")
    assert at_once > 1
    assert shelf.room_for(held, Extent(2048, 2048)) == 1


def test_sums_of_facts_agree(library, model):
    facts = library.find(model).facts
    for kind in ("cpu", "cuda"):
        pixels = facts.pixels_in(2 * 10**9, kind)
        assert facts.bytes_of(pixels, kind) == pytest.approx(10**9, rel=1e-4)
    assert np.isclose(facts.bytes_of(10**6, "cpu"), facts.pixel_bytes * 10**6)
