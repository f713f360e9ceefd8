"""Several processes that train one part together, each on batches of its own: on a processor two with a core each are faster than two threads.

`torchrun` starts them. Each step's gradients are averaged over all, so every process has the same weights after it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

PATIENCE: Final = timedelta(hours=3)
"""How long the others wait for the first process, which makes the parts before alone: far longer than those take on a processor."""


def join() -> None:
    """Join the others if `torchrun` started this process and it has not yet; waits until all are here."""
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("gloo", timeout=PATIENCE)


def leave() -> None:
    """Leave the others, if there are any."""
    if dist.is_initialized():
        dist.destroy_process_group()


def rank() -> int:
    """This process's number, from 0; the first one also writes what is kept."""
    return dist.get_rank() if dist.is_initialized() else 0


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def leads() -> bool:
    """Whether this is the first process, or the only one; known before it joins the others too."""
    return os.environ.get("RANK", "0") == "0"


def wait() -> None:
    """Wait until all are here."""
    if dist.is_initialized():
        dist.barrier()


def seed(step: int) -> None:
    """Seed torch for a step: other noise in every process."""
    torch.manual_seed(step * count() + rank())


def average(parameters: Sequence[Tensor], number: float) -> float:
    """Average the gradients of parameters, in place, and a number besides, which is returned."""
    if not dist.is_initialized():
        return number
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([grad.reshape(-1) for grad in grads] + [torch.tensor([number], device=grads[0].device)])
    dist.all_reduce(flat)
    flat /= count()
    begin = 0
    for grad in grads:
        grad.copy_(flat[begin : begin + grad.numel()].view(grad.shape))
        begin += grad.numel()
    return float(flat[-1])
