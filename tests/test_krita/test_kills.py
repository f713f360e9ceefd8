"""Whatever is killed in the middle of a job, nothing is lost and nothing comes twice."""

import json
import re
import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

HERE = Path(__file__).parent


def checks(script):
    return re.findall(r"^def (check_\w+)", (HERE / script).read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def kills(atelier):
    return atelier().start("inside_kills.py")


@pytest.mark.parametrize("name", checks("inside_kills.py"))
def test_what_paints_is_killed(kills, name):
    problem = kills.checks.get(name, f"did not run: {kills.detail}\n{kills.log[-2000:]}")
    assert problem == "", problem


def test_krita_is_killed_and_the_finished_result_is_offered_by_the_next(atelier):
    home = atelier()
    first = home.start("inside_before_crash.py")
    assert first.code == -signal.SIGKILL, (first.checks, first.detail, first.log[-2000:])
    home.wait_for(lambda: "1 not fetched" in home.scumble("status"), "the picture is finished without Krita", 120)
    kept = list((home.folder / "scumble/data/plugin/jobs").glob("*.json"))
    assert len(kept) == 1, kept
    assert json.loads(kept[0].read_text("utf-8"))["prompt"] == "a red apple"
    second = home.start("inside_after_crash.py")
    assert second.checks == dict.fromkeys(checks("inside_after_crash.py"), ""), (second.checks, second.log[-2000:])
    assert list((home.folder / "scumble/data/plugin/jobs").glob("*.json")) == []
    assert "Kept results  0" in home.scumble("status") or "none" in home.scumble("status")
