"""Layers in a real Krita, by a tiny model in the painter's folder; each check of the script is a test here."""

import json
import re
import shutil
from pathlib import Path

import pytest

from backend.models import Library

pytestmark = pytest.mark.krita

SCRIPT = "inside_apart.py"
CHECKS = re.findall(r"^def (check_\w+)", (Path(__file__).parent / SCRIPT).read_text("utf-8"), re.MULTILINE)
SMALL = {
    "native": 128,
    "least_side": 64,
    "most_pixels": 256 * 256,
    "context": {"padding": 0.25, "minimum": 64},
    "steps": 2,
}


@pytest.fixture(scope="module")
def outcome(atelier, tiny_qwen_layered):
    home = atelier()
    model = shutil.copytree(tiny_qwen_layered, home.folder / "scumble" / "models" / "layered")
    (model / "scumble.json").write_text(json.dumps(SMALL), "utf-8")
    (found,) = [info.id for info in Library(model.parent).infos() if info.layers]
    styles = home.folder / "scumble/styles"
    for name, steps in (("Apart", 2), ("Apart slowly", 400)):
        style = f'name = "{name}"\nmodel = "{found}"\nsteps = {steps}\n'
        (styles / f"{name}.toml").write_text(style, "utf-8")
    return home.start(SCRIPT)


@pytest.mark.parametrize("name", CHECKS)
def test_layers(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
