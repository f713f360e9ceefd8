"""The docker under PyQt5 and PyQt6: each in a process of its own, since one process can hold only one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.parametrize("binding", ["5", "6"])
@pytest.mark.parametrize("part", ["panel", "keys", "looks", "studio"])
def test_docker_under(part, binding, tmp_path):
    # the stage of the studio's tests has the scripted link
    folders = (ROOT, HERE, HERE.parent / "test_plugin_studio", HERE.parent / "fake_krita")
    environment = {
        **os.environ,
        "SCUMBLE_QT": binding,
        "QT_QPA_PLATFORM": "offscreen",
        # Qt says so where it has to make one up
        "XDG_RUNTIME_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "room"]
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
