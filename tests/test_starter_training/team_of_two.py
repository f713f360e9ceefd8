"""Trains a slope in one of several processes: towards 2 in the first, towards 4 in the second. Started by `test_team.py`."""

import json
import sys
from pathlib import Path

import torch

from starter.training import team
from starter.training.loop import Loop, Pace

folder = Path(sys.argv[1])
pace = Pace(steps=200, batch=1, rate=0.1, warm_up=1, weight_decay=0.0)
if team.leads():
    own = torch.nn.Parameter(torch.zeros(1))
    before = Loop("before", folder, pace, [{"params": [own]}], lambda text: None)
    before.run(lambda step: (own - 1).square().sum())
team.join()
weight = torch.nn.Parameter(torch.zeros(1))
loop = Loop("line", folder, pace, [{"params": [weight]}], lambda text: None)
drawn = []


def loss(step: int) -> torch.Tensor:
    team.seed(step)
    drawn.append(float(torch.rand(1)))
    return (weight - (2.0, 4.0)[team.rank()]).square().sum()


loop.run(loss)
team.wait()
told = {
    "rank": team.rank(),
    "count": team.count(),
    "weight": float(weight.detach()),
    "averaged": float(loop.averaged[0]),
    "spent": loop.spent,
    "drawn": drawn[0],
}
(folder / f"{team.rank()}.json").write_text(json.dumps(told), encoding="utf-8")
team.leave()
if team.leads():
    after = torch.nn.Parameter(torch.zeros(1))
    Loop("after", folder, pace, [{"params": [after]}], lambda text: None).run(lambda step: (after - 1).square().sum())
    (folder / "alone.json").write_text(json.dumps([float(own.detach()), float(after.detach())]), encoding="utf-8")
