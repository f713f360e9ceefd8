"""Several processes that train together: one set of weights, batches of their own, one that writes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from starter.training import team
from starter.training.loop import Loop, Pace

ROOT = Path(__file__).parents[2]

SECONDS = 120.0
"""For two processes that import torch on a busy machine, and a training of a second."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("team")
    script = Path(__file__).with_name("team_of_two.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*command, str(folder)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert ended.returncode == 0, ended.stderr
    return folder, [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def test_all_have_the_same_weights_which_suit_the_batches_of_both(told):
    _, (first, second) = told
    assert [one["rank"] for one in (first, second)] == [0, 1]
    assert first["count"] == second["count"] == 2
    assert first["weight"] == second["weight"]
    assert first["averaged"] == second["averaged"]
    assert first["weight"] == pytest.approx(3.0, abs=0.05)


def test_they_agree_on_the_time_spent_so_none_waits_for_another_at_the_end(told):
    _, (first, second) = told
    assert first["spent"] == second["spent"] > 0


def test_each_draws_noise_of_its_own(told):
    _, (first, second) = told
    assert first["drawn"] != second["drawn"]


def test_what_the_first_kept_goes_on_alone(told):
    folder, (first, _) = told
    weight = torch.nn.Parameter(torch.zeros(1))
    loop = Loop("line", folder, Pace(steps=200, batch=1, rate=0.1), [{"params": [weight]}], lambda text: None)
    assert loop.step == 200
    assert float(weight.detach()) == first["weight"]


def test_the_first_trains_other_parts_alone_before_and_after(told):
    folder, _ = told
    assert json.loads((folder / "alone.json").read_text()) == [pytest.approx(1.0, abs=0.05)] * 2


def test_alone_nothing_is_shared():
    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.full((1,), 5.0)
    assert (team.rank(), team.count(), team.leads()) == (0, 1, True)
    assert team.average([weight], 2.5) == 2.5
    assert float(weight.grad) == 5.0
