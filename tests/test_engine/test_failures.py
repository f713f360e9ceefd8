"""What goes wrong in a plan is told in words for the painter, and the next plan has its turn."""

from __future__ import annotations

import errno
import gc
import logging
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_runs import JOB, QUICK, SQUARE, Sent, disc, picture, planned, run, send

from backend.engine import Engine
from backend.engine.accelerator import is_lost
from backend.engine.failures import is_out_of_memory
from backend.families import sd1
from backend.models import Library
from backend.pixels import raw
from backend.plan import DeviceLost, Finished
from protocol import Bounds, Job, Style


def test_empty_mask(engine, library):
    sent = send(picture(), disc(), prompt="a star", style=QUICK)
    empty = {name: bytes(len(content)) for name, content in sent.contents.items()}
    assert run(engine, planned(library, sent), empty).end.failure.code == "empty_mask"


def test_mask_outside_its_selection(engine, library):
    sent = send(picture(), disc(), selection=Bounds(60, 60, 5, 5), prompt="a star", style=QUICK)
    assert run(engine, planned(library, sent), sent.contents).end.failure.code == "bad_mask"


def test_one_masked_pixel_is_enough(engine, library):
    mask = np.zeros((128, 128), np.float32)
    mask[40, 50] = 1
    sent = send(picture(), mask, prompt="a star", style=QUICK)
    heard = run(engine, planned(library, sent), sent.contents)
    assert heard.layers[0].shape == (1, 1, 4)
    assert heard.layers[0][0, 0, 3] == 1


def test_pixels_that_are_too_few(engine, library):
    sent = send(picture(), disc(), prompt="a star", style=QUICK)
    cut = {name: content[:-1] for name, content in sent.contents.items()}
    assert run(engine, planned(library, sent), cut).end.failure.code == "bad_pixels"


@pytest.mark.parametrize("what", ["image", "mask"])
def test_pixels_that_are_no_numbers(engine, library, what):
    pixels = {"image": picture(), "mask": disc()[..., None]}
    pixels[what][64, 64] = np.nan
    image, image_content = raw.to_raster(pixels["image"], "rgba")
    mask, mask_content = raw.to_raster(pixels["mask"], "gray")
    job = Job(JOB, SQUARE, image=image, mask=mask, selection=Bounds.of(SQUARE), style=QUICK)
    contents = {image.content: image_content, mask.content: mask_content}
    failure = run(engine, planned(library, Sent(job, {})), contents).end.failure
    assert (failure.code, "NaN" in failure.happened) == ("bad_pixels", True)


def test_model_that_is_gone(engine, library):
    plan = planned(library, send(extent=SQUARE, prompt="a cat"))
    assert run(engine, replace(plan, model="../etc/passwd")).end.failure.code == "unknown_model"


def test_embedded_model_that_was_changed(library, starter_model, tmp_path):
    changed = tmp_path / "weights"
    changed.mkdir()
    for file in starter_model.rglob("*"):
        target = changed / file.relative_to(starter_model)
        if file.is_dir():
            target.mkdir()
        else:
            target.write_bytes(file.read_bytes())
    config = changed / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text() + "\n")
    plan = planned(library, send(extent=SQUARE, prompt="a cat"))
    heard = run(Engine(Library(tmp_path / "none", changed), device="cpu"), plan)
    assert heard.end.failure.code == "damaged_model"


def test_sampler_that_does_not_exist(engine, library):
    plan = planned(library, send(extent=SQUARE, prompt="a cat"))
    assert run(engine, replace(plan, sampler="magic")).end.failure.code == "unknown_sampler"


def test_more_layers_skipped_than_there_are(engine, library):
    plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(clip_skip=12)))
    failure = run(engine, plan).end.failure
    assert failure.code == "no_such_layer"
    assert "3 layers" in failure.happened
    assert "clip skip" in failure.remedy


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory."),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:130] . DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        OSError("The paging file is too small for this operation to complete. (os error 1455)"),
    ],
    ids=["device", "python", "processor", "library", "windows"],
)
def test_out_of_memory_is_said_and_survived(library, monkeypatch, error):
    adapters = []
    load = sd1.load
    monkeypatch.setattr(sd1, "load", lambda *place: adapters.append(load(*place)) or adapters[-1])
    engine = Engine(library, device="cpu")
    plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(steps=1)))

    def predict(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(sd1.SD1, "predict", predict)
        assert run(engine, plan).end.failure.code == "out_of_memory"
    freed = weakref.ref(adapters.pop())
    error.__traceback__ = None  # this test's own hold on the failed frames
    gc.collect()
    assert freed() is None, "the model's memory is free again"
    assert isinstance(run(engine, plan).end, Finished)


@pytest.mark.parametrize(
    "error",
    [
        OSError("The paging file is too small for this operation to complete. (os error 1455)"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory."),
    ],
    ids=["windows", "linux", "device"],
)
@pytest.mark.parametrize("hidden", [False, True], ids=["itself", "behind another"])
def test_a_model_for_which_there_is_no_room_is_told_as_that(library, monkeypatch, error, hidden):
    def load(*_):
        try:
            raise error
        except Exception:
            if hidden:
                # as diffusers has it when a file cannot be opened
                raise OSError("Unable to load weights from checkpoint file") from None
            raise

    plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(steps=1)))
    engine = Engine(library, device="cpu")
    with monkeypatch.context() as patch:
        patch.setattr(sd1, "load", load)
        failure = run(engine, plan).end.failure
    assert failure.code == "out_of_memory"
    assert "to load Starter" in failure.happened
    assert "smaller area" not in failure.remedy
    assert isinstance(run(engine, plan).end, Finished)


def test_a_device_that_answers_no_more_ends_the_process_and_a_fault_of_ours_does_not(library, monkeypatch):
    plan = planned(library, send(extent=SQUARE, prompt="a cat", style=Style(steps=1)))
    engine = Engine(library, device="cpu")

    def predict(*_):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(sd1.SD1, "predict", predict)
    assert run(engine, plan).end.failure.code == "internal"
    monkeypatch.setattr("backend.engine.engine.is_lost", lambda device: True)
    with pytest.raises(DeviceLost, match="illegal memory"):
        run(engine, plan)


def test_a_device_is_lost_when_it_calculates_nothing(monkeypatch):
    # the one device besides the processor that every torch has: it holds no numbers, so that it gives none back
    assert not is_lost(torch.device("cpu"))
    assert is_lost(torch.device("meta"))

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(torch, "zeros", full)
    assert not is_lost(torch.device("meta"))


def test_the_processors_own_words_for_it_are_known():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(raised.value)


def test_what_nobody_foresaw_is_logged(engine, library, monkeypatch, caplog):
    plan = planned(library, send(extent=SQUARE, prompt="a cat", style=QUICK))

    def predict(*_):
        raise ZeroDivisionError("no such thing\nsecond line \ud800")

    monkeypatch.setattr(sd1.SD1, "predict", predict)
    with caplog.at_level(logging.ERROR, "scumble.engine"):
        failure = run(engine, plan).end.failure
    assert failure.code == "internal"
    assert "ZeroDivisionError: no such thing" in failure.happened
    assert "second line" not in failure.happened
    assert "Traceback" in caplog.text
