"""The processor's name, held against what the system's own tool says."""

import platform
import shutil
import subprocess

import pytest

from backend.engine import processor
from backend.engine.processor import processor_name


@pytest.mark.skipif(
    shutil.which("lscpu") is None or platform.machine() not in ("x86_64", "AMD64"),
    reason="only Linux has lscpu, which knows ARM's processors from a table of its own",
)
def test_it_is_the_one_that_lscpu_tells():
    told = subprocess.run(["lscpu"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"}).stdout
    expected = next(line.partition(":")[2] for line in told.splitlines() if line.startswith("Model name:"))
    expected = expected.replace("(R)", "").replace("(TM)", "")
    assert processor_name() == " ".join(expected.split())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel name\t: Intel(R) Core(TM) i7-1260P  CPU\nflags : a\n", "Intel Core i7-1260P CPU"),
        ("processor\t: 0\nCPU part\t: 0xd0c\n", ""),
    ],
)
def test_what_linux_tells(tmp_path, monkeypatch, text, name):
    told = tmp_path / "cpuinfo"
    told.write_text(text, "utf-8")
    monkeypatch.setattr(processor, "CPUINFO", told)
    assert processor_name() == (name or platform.processor() or platform.machine())


def test_a_system_that_tells_nothing_still_has_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "none")
    assert processor_name()
