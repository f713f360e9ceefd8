"""The link under PyQt5 and PyQt6."""

from pathlib import Path

import pytest
from bindings import BINDINGS, passed, run_under

HERE = Path(__file__).parent


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("part", sorted(path.name for path in HERE.glob("*_under_qt.py")))
def test_the_link(part, binding, tmp_path):
    ended = run_under(binding, HERE / part, tmp_path, "stage")
    passed(ended)
    assert f"PyQt{binding}.QtCore" in ended.stdout
    # whatever goes wrong goes to the log: Krita's users have no terminal, and Qt's warnings are faults
    assert ended.stderr == ""


def test_a_binding_that_there_is_not_is_refused(tmp_path):
    ended = run_under("4", HERE / "jobs_under_qt.py", tmp_path, "stage")
    assert ended.returncode != 0
    assert "SCUMBLE_QT is '4'; it may be 5 or 6" in ended.stdout + ended.stderr
