"""The plugin as Krita sees it, under PyQt5 and PyQt6: each in a process of its own, since one process can hold only one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("binding", ["5", "6"])
def test_extension_under(binding):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "under_qt.py")]
    environment = {**os.environ, "SCUMBLE_QT": binding, "QT_QPA_PLATFORM": "offscreen"}
    ended = subprocess.run(
        command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert "skipped" not in ended.stdout
