"""Layers in a real Krita, by a tiny model in the painter's folder; each check of the script is a test here."""

import json
import re
import shutil
import signal
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
def furnished(atelier, tiny_qwen_layered):
    """Makes homes with a model for layers, and with two styles of its, a quick one and a slow one."""

    def make():
        home = atelier()
        model = shutil.copytree(tiny_qwen_layered, home.folder / "scumble" / "models" / "layered")
        (model / "scumble.json").write_text(json.dumps(SMALL), "utf-8")
        (found,) = [info.id for info in Library(model.parent).infos() if info.layers]
        for name, steps in (("Apart", 2), ("Apart slowly", 200)):
            style = f'name = "{name}"\nmodel = "{found}"\nsteps = {steps}\n'
            (home.folder / "scumble/styles" / f"{name}.toml").write_text(style, "utf-8")
        return home

    return make


@pytest.fixture(scope="module")
def outcome(furnished):
    return furnished().start(SCRIPT)


@pytest.mark.parametrize("name", CHECKS)
def test_layers(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem


def test_krita_is_killed_and_the_group_is_offered_by_the_next(furnished):
    home = furnished()
    first = home.start("inside_before_crash.py", STYLE="Apart slowly")
    assert first.code == -signal.SIGKILL, (first.checks, first.detail, first.log[-2000:])
    home.wait_for(
        lambda: re.search(r"Kept results +1 not fetched", home.scumble("status")),
        "the picture is finished without Krita",
        120,
    )
    second = home.start("inside_after_crash.py", KIND="grouplayer")
    assert set(second.checks.values()) == {""}, (second.checks, second.log[-2000:])
    assert re.search(r"Kept results +0 not fetched", home.scumble("status"))
