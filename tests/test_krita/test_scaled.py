"""Areas too large to be painted at once, in a real Krita, started once; each check of `inside_scaled.py` is a test here."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

INSIDE = Path(__file__).with_name("inside_scaled.py")
CHECKS = re.findall(r"^def (check_\w+)", INSIDE.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(krita, source_path):
    return krita.run(INSIDE, variables={"SCUMBLE_TEST_PATH": str(source_path)}, limit=300)


@pytest.mark.parametrize("name", CHECKS)
def test_inside_krita(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
