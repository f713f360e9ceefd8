"""The benchmark for GPUs runs as a whole on a processor, with tiny models: what is left to the GPU are its figures."""

from __future__ import annotations

import json
import time

import pytest
import torch

from benchmarks import gpu
from benchmarks.measured import Measures, OutOfTime, limited

CPU = torch.device("cpu")

ELSEWHERE = ("attention cudnn", "attention efficient")
"""Which torch has for GPUs alone."""


def test_every_measure_is_taken(tmp_path, capsys):
    gpu.main(["--small", "--seconds", "600", "--out", str(tmp_path / "lines")])
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text("utf-8").splitlines()]
    failed = {line["measure"]: line["failed"] for line in lines if "failed" in line}
    assert [name for name in failed if not name.endswith(ELSEWHERE)] == [], failed
    left_out = {line["left_out"] for line in lines if "left_out" in line}
    assert left_out == {"needs CUDA"}
    steps = [line for line in lines if "step_ms" in line]
    assert len(steps) > 12
    assert all(line["finite"] and line["least_ms"] <= line["step_ms"] <= line["most_ms"] for line in steps)
    guided, unguided = (
        next(line for line in lines if line["measure"] == f"sdxl {how}") for how in ("guided", "unguided")
    )
    assert (guided["rows"], unguided["rows"]) == (2, 1)
    printed = capsys.readouterr().out
    assert [json.loads(line) for line in printed.splitlines() if line.startswith("{")] == lines
    assert f"| sdxl guided | {guided['step_ms']:.1f} |" in printed


def test_a_failure_is_a_line_and_the_next_measure_is_taken(capsys):
    measures = Measures(CPU, 60, time.time())
    measures.take("broken", lambda: {"of": 1 / 0})
    measures.take("whole", lambda: {"of": 1})
    broken, whole = measures.lines
    assert broken["failed"].startswith("ZeroDivisionError")
    assert whole["of"] == 1
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_nothing_is_begun_when_the_time_is_up():
    measures = Measures(CPU, 60, time.time() - 60)
    measures.take("late", lambda: pytest.fail("it was begun"))
    assert measures.lines[0]["left_out"] == "the time is up"


def test_what_takes_too_long_is_broken_off():
    measures = Measures(CPU, 60, time.time())
    begun = time.monotonic()
    measures.take("long", lambda: time.sleep(30) or {}, at_most_s=2.0)
    assert time.monotonic() - begun < 10
    assert measures.lines[0]["failed"].startswith("OutOfTime")


def test_the_limit_is_lifted_afterwards():
    with limited(0.05):
        pass
    time.sleep(0.1)
    with pytest.raises(OutOfTime), limited(0.05):
        time.sleep(10)


def test_only_what_is_asked_for():
    measures = Measures(CPU, 60, time.time(), only="flux")
    measures.take("sdxl", lambda: pytest.fail("it was taken"))
    measures.take("flux, moved", dict)
    assert [line["measure"] for line in measures.lines] == ["flux, moved"]


@pytest.mark.parametrize(("told", "seconds"), [(-30, 30), (-3600, 0), (500, 0)])
def test_a_clock_that_cannot_be_right_does_not_eat_the_time(monkeypatch, told, seconds):
    monkeypatch.setattr(gpu.psutil.Process, "create_time", lambda process: time.time() + told)
    assert time.time() - gpu.began() == pytest.approx(seconds, abs=5)
