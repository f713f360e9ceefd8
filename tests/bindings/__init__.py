"""Tests under PyQt5 and PyQt6: each in a process of its own, since one process can hold only one, and this one holds neither."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
BINDINGS = ("5", "6")


def run_under(
    binding: str, file: Path, runtime: Path, plugin: str = "", beside: tuple[str, ...] = (), seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a file of tests under a binding, with its folder and those named in `beside` on the path; return how it ended.

    `plugin` is loaded before the tests are collected. `runtime` is an empty folder: Qt says so where it has to make one up.
    """
    folders = (ROOT, file.parent, *(TESTS / name for name in beside))
    environment = {
        **os.environ,
        "SCUMBLE_QT": binding,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_RUNTIME_DIR": str(runtime),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }
    loaded = ["-p", plugin] if plugin else []
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *loaded, str(file)]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )


def passed(ended: subprocess.CompletedProcess[str]) -> None:
    """Fail unless every test ran and passed."""
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert "skipped" not in ended.stdout
