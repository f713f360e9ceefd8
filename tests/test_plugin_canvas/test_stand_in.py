"""The tests' stand-in for Krita and the types that the plugin calls it by, held against the API of real Kritas.

`krita_api.json` is what those Kritas told of their own classes: signatures as PyQt gives them, or Qt's own.
"""

import ast
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KRITAS = json.loads((ROOT / "tests/fake_krita/krita_api.json").read_text("utf-8"))

OWN = ("Layer", "Picture")
"""The stand-in's own, which no Krita has: what is behind its nodes and documents."""

STAND_IN = ("tests/fake_krita/krita.py", "tests/fake_krita/layers.py", "tests/fake_krita/pictures.py")


def methods(path):
    """Yield class, method and number of arguments of everything public in a file's classes that Krita also has."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name not in OWN:
            for function in node.body:
                if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                    arguments = function.args
                    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list)
                    count = len(arguments.posonlyargs) + len(arguments.args) - (not static)
                    yield node.name, function.name, count


def counts(signature):
    """How many arguments a signature takes, least and most; `self` is none."""
    inside = signature[signature.index("(") + 1 : signature.rindex(")")]
    depth, parts = 0, [""]
    for char in inside:
        depth += (char in "([<") - (char in ")]>")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    parts = [part.strip() for part in parts if part.strip() and part.strip() not in ("self", "/")]
    return len([part for part in parts if "=" not in part]), len(parts)


def unknown(path):
    for version, classes in KRITAS.items():
        for owner, name, count in methods(path):
            signatures = classes.get(owner, {}).get(name)
            if signatures is None:
                yield f"Krita {version} has no {owner}.{name}"
            elif not any(least <= count <= most for least, most in map(counts, signatures)):
                yield f"Krita {version}: {owner}.{name} does not take {count} arguments: {signatures}"


@pytest.mark.parametrize("path", [*STAND_IN, "krita_plugin/canvas/api.py"])
def test_real_kritas_have_every_method(path):
    assert sorted(KRITAS) == ["5.1.5", "5.2.9", "6.0.4"]
    assert len(list(methods(ROOT / path))) > 15
    assert list(unknown(ROOT / path)) == []


def test_a_method_that_krita_lacks_is_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("class Node:\n    def pixelData(self, x): ...\n    def setPixels(self): ...\n", "utf-8")
    assert len(list(unknown(wrong))) == 6


def test_the_stand_in_has_all_that_the_plugin_calls():
    known = {method for path in STAND_IN for method in methods(ROOT / path)}
    assert [method for method in methods(ROOT / "krita_plugin/canvas/api.py") if method not in known] == []
