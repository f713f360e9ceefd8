"""What the plugin may need: Python 3.10, the standard library, Qt through `qt.py`, and Krita."""

import ast
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "krita_plugin"

# The standard library of the Python that runs the tests, less what Krita's 3.10 has not got.
LATER = {"tomllib"}
STANDARD = sys.stdlib_module_names - LATER

# What each file may import beside the standard library and the plugin's own modules.
ALLOWED = {
    "qt.py": {"PyQt5", "PyQt6", "pykrita"},
    "bundled.py": {"protocol", "websockets"},
}
EVERYWHERE = {"krita"}


def sources():
    return sorted(PLUGIN.rglob("*.py"))


def name_of(path):
    return path.relative_to(PLUGIN).as_posix()


def foreign(source, allowed):
    """Yield every import that is neither relative nor of something that is there."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        yield from (name for name in names if name.split(".")[0] not in STANDARD | EVERYWHERE | allowed)


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_needs_only_what_krita_has(path):
    assert list(foreign(path.read_text("utf-8"), ALLOWED.get(name_of(path), set()))) == []


@pytest.mark.parametrize("path", sources(), ids=name_of)
def test_a_file_parses_on_python_3_10(path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 10))


@pytest.mark.parametrize(
    "source",
    [
        "import numpy",
        "import PyQt6.QtCore",
        "from PyQt5 import QtCore",
        "import websockets",
        "from protocol import Job",
        "import krita_plugin.qt",
        "def late():\n    import tomllib",
    ],
)
def test_a_foreign_import_is_found(source):
    assert list(foreign(source, set()))


def test_a_relative_import_is_let_be():
    assert not list(
        foreign("from ..qt import QtCore\nfrom . import places\nimport json\nfrom krita import Krita", set())
    )


def test_later_syntax_is_found():
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass", feature_version=(3, 10))
