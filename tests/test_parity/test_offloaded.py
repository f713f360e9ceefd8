"""The check for GPUs of parts that take turns runs as a whole on a processor: what is left to the GPU are its figures."""

from __future__ import annotations

import sys
import time

import pytest
from parity import offloaded
from parity.case import CPU


def test_a_case_has_a_line_for_each_rung(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["offloaded.py", "--device", "cpu", "--only", "FLUX.1 schnell"])
    with pytest.raises(SystemExit) as ended:
        offloaded.main()
    assert ended.value.code == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| FLUX")]
    assert [[cell.strip() for cell in line.split("|")[2:6]] for line in lines] == [
        ["turns", "yes", "yes", "yes"],
        ["streamed", "yes", "yes", "yes"],
    ]


@pytest.mark.parametrize("name", ["flux", "sdxl"])
def test_a_denoiser_paints_the_same_on_every_rung(name, capsys):
    assert offloaded.true(name, CPU) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].strip() for line in lines] == [
        "whole",
        "turns",
        "streamed, plain memory",
        "streamed, locked memory",
    ]
    assert all(line.endswith("| yes |") for line in lines)


def test_the_engine_paints_the_same_on_every_rung(tmp_path, capsys):
    assert offloaded.by_engine(tmp_path, CPU) == 0
    assert capsys.readouterr().out.count("| yes |") == 3


def test_what_is_wrong_and_what_is_late_is_told(capsys):
    assert offloaded.told(lambda: 1 / 0, "broken", time.monotonic() + 9) == 1
    assert offloaded.told(lambda: pytest.fail("it was begun"), "late", time.monotonic() - 1) == 0
    assert "broken | failed: ZeroDivisionError" in capsys.readouterr().out
