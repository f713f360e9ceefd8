"""The contract runs inside Krita: nothing but the standard library, and Python 3.10's syntax.

In the plugin's zip it is `scumble._vendor.protocol`, so it does not import itself by its full name either.
"""

import ast
import sys
from pathlib import Path

import pytest

import protocol

FILES = sorted(Path(protocol.__file__).parent.rglob("*.py"))


def foreign_imports(source):
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append(node.module)
    return [name for name in found if name.split(".")[0] not in sys.stdlib_module_names]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_the_standard_library_is_imported(path):
    assert foreign_imports(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_parses_as_python_3_10(path):
    ast.parse(path.read_text("utf-8"), feature_version=(3, 10))


def test_a_foreign_import_is_found_and_newer_syntax_is_refused():
    assert foreign_imports("def late():\n    import numpy.linalg\nfrom . import values") == ["numpy.linalg"]
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass", feature_version=(3, 10))
