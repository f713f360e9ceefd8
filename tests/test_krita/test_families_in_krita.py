"""Several families in a real Krita, by tiny models in the painter's folder; each check of the script is a test here."""

import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

SCRIPT = "inside_families.py"
CHECKS = re.findall(r"^def (check_\w+)", (Path(__file__).parent / SCRIPT).read_text("utf-8"), re.MULTILINE)
MODELS = ("sd15", "flux", "flux_kontext")


@pytest.fixture(scope="module")
def outcome(atelier, request):
    home = atelier()
    for name in MODELS:
        shutil.copytree(request.getfixturevalue(f"tiny_{name}"), home.folder / "scumble" / "models" / name)
    return home.start(SCRIPT)


@pytest.mark.parametrize("name", CHECKS)
def test_families(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem
