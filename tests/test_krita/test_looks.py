"""The docker's looks in a real Krita, dark and bright: photographed, and nothing of it cut off at 300 pixels.

The pictures of the README are made by this: SCUMBLE_TEST_SHOTS names a folder that gets them.
"""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "table.png"
MASK = EXAMPLE.with_name("table-mask.png")
CHECKS = re.findall(r"^def (check_\w+)", (HERE / "inside_looks.py").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("name", "theme"), [("dark", "Krita dark"), ("bright", "Krita bright")])
def test_nothing_is_cut_off(atelier, name, theme):
    home = atelier(theme)
    outcome = home.start("inside_looks.py", LOOK=name, EXAMPLE=str(EXAMPLE), MASK=str(MASK))
    assert outcome.checks == dict.fromkeys(CHECKS, ""), (outcome.checks, outcome.detail, outcome.log[-2000:])
    assert name in outcome.notes
    moments = ["not-running", "ready", "running", "variations", "applied", "error"]
    assert {f"{name}-{moment}.png" for moment in moments} <= {shot.name for shot in home.shots.iterdir()}
