"""Krita itself is killed in the middle of a job: nothing is lost, and nothing comes twice."""

import json
import re
import signal

import pytest

pytestmark = pytest.mark.krita


def test_krita_is_killed_and_the_finished_result_is_offered_by_the_next(atelier):
    home = atelier()
    jobs = home.folder / "scumble/data/plugin/jobs"
    first = home.start("inside_before_crash.py")
    assert first.code == -signal.SIGKILL, (first.checks, first.detail, first.log[-2000:])
    home.wait_for(
        lambda: re.search(r"Kept results +1 not fetched", home.scumble("status")),
        "the picture is finished without Krita",
        120,
    )
    (kept,) = jobs.glob("*.json")
    assert json.loads(kept.read_text("utf-8"))["prompt"] == "a red apple"
    second = home.start("inside_after_crash.py")
    assert len(second.checks) == 2
    assert set(second.checks.values()) == {""}, (second.checks, second.log[-2000:])
    assert list(jobs.glob("*.json")) == []
    assert re.search(r"Kept results +0 not fetched", home.scumble("status"))
