"""The plugin's view of documents under PyQt5 and PyQt6."""

from pathlib import Path

import pytest
from bindings import BINDINGS, passed, run_under

HERE = Path(__file__).parent


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("part", sorted(path.name for path in HERE.glob("under_qt*.py")))
def test_canvas_under(part, binding, tmp_path):
    passed(run_under(binding, HERE / part, tmp_path, "room", ("fake_krita",)))
