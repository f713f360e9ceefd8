"""The docker under PyQt5 and PyQt6."""

from pathlib import Path

import pytest
from bindings import BINDINGS, passed, run_under

HERE = Path(__file__).parent


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("part", sorted(path.name for path in HERE.glob("*_under_qt.py")))
def test_docker_under(part, binding, tmp_path):
    # the stage of the studio's tests has the scripted link
    passed(run_under(binding, HERE / part, tmp_path, "room", ("test_plugin_studio", "fake_krita")))
