"""Runs the `*_under_qt.py` once for each binding: both cannot be in one process, and neither is to be in this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def run_tests(part, major):
    environment = {
        **os.environ,
        "SCUMBLE_QT": major,
        "QT_QPA_PLATFORM": "offscreen",
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE))),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-p", "stage"]
    return subprocess.run(
        [*command, str(HERE / f"{part}_under_qt.py")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("major", ["5", "6"])
@pytest.mark.parametrize("part", ["jobs", "backends", "ends", "stalls"])
def test_the_link(part, major):
    done = run_tests(part, major)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PyQt{major}.QtCore" in done.stdout
    # whatever goes wrong goes to the log: Krita's users have no terminal, and Qt's warnings are faults
    assert done.stderr == ""


def test_a_binding_that_there_is_not_is_refused():
    done = run_tests("jobs", "4")
    assert done.returncode != 0
    assert "SCUMBLE_QT is '4'; it may be 5 or 6" in done.stdout + done.stderr
