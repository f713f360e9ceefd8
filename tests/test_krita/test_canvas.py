"""Snapshots and result layers in a real Krita, started once; each check of `inside_canvas.py` is a test here."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

INSIDE = Path(__file__).with_name("inside_canvas.py")
CHECKS = re.findall(r"^def (check_\w+)", INSIDE.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(krita, source_path):
    return krita.run(INSIDE, variables={"SCUMBLE_TEST_PATH": str(source_path)}, limit=120)


@pytest.mark.parametrize("name", CHECKS)
def test_inside_krita(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem


def test_krita_ended_well(krita, outcome):
    assert outcome.code in (krita.PASSED, krita.FAILED), outcome.detail
    assert set(outcome.checks) == set(CHECKS)
