"""The plugin's view of documents under PyQt5 and PyQt6: each in a process of its own, since one process can hold only one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize("binding", ["5", "6"])
@pytest.mark.parametrize("tests", ["under_qt.py", "under_qt_scaled.py"])
def test_canvas_under(tests, binding):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / tests)]
    environment = {**os.environ, "SCUMBLE_QT": binding, "QT_QPA_PLATFORM": "offscreen"}
    ended = subprocess.run(
        command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert "skipped" not in ended.stdout
