"""The plugin as Krita sees it, under PyQt5 and PyQt6."""

from pathlib import Path

import pytest
from bindings import BINDINGS, passed, run_under


@pytest.mark.parametrize("binding", BINDINGS)
def test_extension_under(binding, tmp_path):
    passed(run_under(binding, Path(__file__).with_name("under_qt.py"), tmp_path))
