"""The studio under PyQt5 and PyQt6."""

from pathlib import Path

import pytest
from bindings import BINDINGS, passed, run_under

HERE = Path(__file__).parent


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("part", sorted(path.name for path in HERE.glob("*_under_qt.py")))
def test_studio_under(part, binding, tmp_path):
    ended = run_under(binding, HERE / part, tmp_path, "stage", ("fake_krita",))
    passed(ended)
    # Qt's own warnings are faults
    assert ended.stderr == ""
