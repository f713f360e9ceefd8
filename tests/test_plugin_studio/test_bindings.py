"""The studio under PyQt5 and PyQt6: each in a process of its own, since one process can hold only one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.parametrize("binding", ["5", "6"])
@pytest.mark.parametrize("part", ["parts", "studio", "jobs", "server"])
def test_studio_under(part, binding, tmp_path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "stage"]
    folders = (str(folder) for folder in (ROOT, HERE, ROOT / "tests/fake_krita"))
    environment = {
        **os.environ,
        "SCUMBLE_QT": binding,
        "QT_QPA_PLATFORM": "offscreen",
        # Qt says so where it has to make one up
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(folders),
    }
    ended = subprocess.run(
        [*command, str(HERE / f"{part}_under_qt.py")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert "skipped" not in ended.stdout
    # Qt's own warnings are faults
    assert ended.stderr == ""
