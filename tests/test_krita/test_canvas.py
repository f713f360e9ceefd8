"""Snapshots and result layers in a real Krita, started once for each script; each check in one is a test here."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent
SCRIPTS = (
    "inside_canvas.py",
    "inside_layers.py",
    "inside_group.py",
    "inside_references.py",
    "inside_spaces.py",
    "inside_views.py",
)
CHECKS = [
    (script, name)
    for script in SCRIPTS
    for name in re.findall(r"^def (check_\w+)", (HERE / script).read_text("utf-8"), re.MULTILINE)
]


@pytest.fixture(scope="module")
def outcome_of(krita, source_path):
    ended = {}

    def run_once(script):
        if script not in ended:
            ended[script] = krita.run(HERE / script, variables={"SCUMBLE_TEST_PATH": str(source_path)}, limit=300)
        return ended[script]

    return run_once


@pytest.mark.parametrize(("script", "name"), CHECKS)
def test_inside_krita(outcome_of, script, name):
    outcome = outcome_of(script)
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem


@pytest.mark.parametrize("script", SCRIPTS)
def test_krita_ended_well(krita, outcome_of, script):
    outcome = outcome_of(script)
    assert outcome.code in (krita.PASSED, krita.FAILED), outcome.detail
    assert set(outcome.checks) == {name for one, name in CHECKS if one == script}
