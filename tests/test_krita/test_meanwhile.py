"""What a painter does while a picture is made, in a real Krita: nothing is lost, nothing is put elsewhere."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent
CHECKS = re.findall(r"^def (check_\w+)", (HERE / "inside_meanwhile.py").read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(atelier):
    return atelier().start("inside_meanwhile.py")


@pytest.mark.parametrize("name", CHECKS)
def test_meanwhile(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
