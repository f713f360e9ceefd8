"""The painter in a real Krita, by the docker's own widgets, with the embedded model; each check of a script is a test here.

The whole way; what a painter does while a picture is made; what happens when the process that paints, or the backend, is killed; that
view and tool stay; and every kind of colour space.
"""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent
SCRIPTS = (
    "inside_painting.py",
    "inside_meanwhile.py",
    "inside_kills.py",
    "inside_view.py",
    "inside_spaces_painted.py",
)
CHECKS = [
    (script, name)
    for script in SCRIPTS
    for name in re.findall(r"^def (check_\w+)", (HERE / script).read_text("utf-8"), re.MULTILINE)
]


@pytest.fixture(scope="module")
def outcome_of(atelier):
    """Runs a script in a Krita of its own, once."""
    outcomes = {}

    def run(script):
        if script not in outcomes:
            outcomes[script] = atelier().start(script)
        return outcomes[script]

    return run


@pytest.mark.parametrize(("script", "name"), CHECKS)
def test_painting(outcome_of, script, name):
    outcome = outcome_of(script)
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
