"""The painter's whole way in a real Krita, by the docker's own widgets, with the embedded model."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent


def checks(script):
    return re.findall(r"^def (check_\w+)", (HERE / script).read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(atelier):
    return atelier().start("inside_painting.py")


@pytest.mark.parametrize("name", checks("inside_painting.py"))
def test_painting(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
