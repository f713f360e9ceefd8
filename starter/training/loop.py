"""The loop that every part is trained in: learning rate, averaged weights, checkpoints that survive a kill, progress, curves."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from . import team
from .curves import draw_curves

LOG_EVERY: Final = 20
"""Steps between two entries of the log."""

WARM_STEPS: Final = 5
"""Steps that fill caches, and would spoil the estimate of the time left."""

TELL_SECONDS: Final = 15.0
"""Seconds between two lines of progress, at least."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a part is trained, in so many steps, or in so many seconds if those are above 0.

    `decay` is the share at the end in which the rate falls to a hundredth.
    """

    steps: int
    batch: int
    rate: float
    warm_up: int = 40
    decay: float = 0.35
    average: float = 0.998
    weight_decay: float = 0.01
    save_seconds: float = 120.0
    seconds: float = 0.0

    def share(self, step: int, spent: float) -> float:
        """How much is done, 0 to 1, after so many steps and seconds."""
        return min(1.0, spent / self.seconds if self.seconds else step / self.steps)

    def rate_at(self, step: int, share: float) -> float:
        """The learning rate as a factor of `rate`, 0 to 1, at a step when that share is done."""
        warm = min(1.0, (step + 1) / self.warm_up)
        fallen = (share - (1 - self.decay)) / self.decay if self.decay else 0.0
        return warm if fallen <= 0 else warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, fallen))))


def autocast(device: torch.device) -> torch.autocast:
    """Half precision (bfloat16) where it pays: on a GPU, and on processors that multiply it in hardware."""
    fast = device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


class Loop:
    """Trains some parameters, and goes on from its last checkpoint when there is one in `folder`."""

    def __init__(
        self,
        name: str,
        folder: Path,
        pace: Pace,
        groups: list[dict[str, Any]],
        say: Callable[[str], None],
    ) -> None:
        """`groups` as torch's optimizers take them; a group's `boost` multiplies the learning rate."""
        self.name, self.folder, self.pace, self._say = name, folder, pace, say
        folder.mkdir(parents=True, exist_ok=True)
        self.parameters: list[Tensor] = [parameter for group in groups for parameter in group["params"]]
        self.optimizer = torch.optim.AdamW(
            groups, lr=pace.rate, betas=(0.9, 0.99), weight_decay=pace.weight_decay, fused=True
        )
        self.averaged = [parameter.detach().clone() for parameter in self.parameters]
        self.step = 0
        self.spent = 0.0
        self._load()

    @property
    def share(self) -> float:
        """How much of the training is done, 0 to 1."""
        return self.pace.share(self.step, self.spent)

    @property
    def done(self) -> bool:
        """Whether every step has been made."""
        return self.share >= 1

    def run(
        self, loss: Callable[[int], Tensor | dict[str, Tensor]], until: int | None = None, share: float = 1.0
    ) -> None:
        """Train up to step `until` or until `share` of everything is done; `loss(step)` is a loss, or a dict with one named "loss".

        One without history comes with the gradients, as those of `Captured` do.
        """
        self._first = self._logged = self.step
        saved = told = self._last = time.monotonic()
        sums: dict[str, Tensor] = {}
        while self.share < share and (until is None or self.step < until):
            values = loss(self.step)
            values = values if isinstance(values, dict) else {"loss": values}
            self._descend(values["loss"])
            for name, value in values.items():
                # Added up where they are: to read each one would make a GPU wait for the processor in every step.
                sums[name] = sums[name] + value.detach() if name in sums else value.detach()
            now = time.monotonic()
            if self.step == self._first + WARM_STEPS:
                self._began = now
            if self.step % LOG_EVERY == 0:
                mean = self._log(sums)
                if now - told > TELL_SECONDS and self.step > self._first + WARM_STEPS:
                    self._tell(mean, now)
                    told = now
                if now - saved > self.pace.save_seconds:
                    self.save()
                    saved = time.monotonic()
        if sums:
            self._log(sums)
        self.save()

    def _descend(self, loss: Tensor) -> None:
        factor = self.pace.rate_at(self.step, self.share)
        for group in self.optimizer.param_groups:
            group["lr"] = self.pace.rate * factor * group.get("boost", 1.0)
        if loss.requires_grad:
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
        # All of a team must count the same time: each ends by it, and none may wait for a step that another does not make.
        now = time.monotonic()
        self.spent = team.average(self.parameters, self.spent + now - self._last)
        self._last = now
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.step += 1
        share = 1 - min(self.pace.average, (self.step + 1) / (self.step + 12))
        torch._foreach_lerp_(self.averaged, [parameter.detach() for parameter in self.parameters], share)

    def _log(self, sums: dict[str, Tensor]) -> float:
        """Write the means since the last entry, forget them, and return that of the loss."""
        steps = self.step - self._logged
        self._logged = self.step
        means = {name: float(total) / steps for name, total in sums.items()}
        sums.clear()
        if not math.isfinite(means["loss"]):
            raise FloatingPointError(
                f"{self.name}: the loss is no number any more at step {self.step}. Lower the rate."
            )
        if team.leads():
            with (self.folder / f"{self.name}.jsonl").open("a", encoding="utf-8") as log:
                log.write(json.dumps({"step": self.step, **means}) + "\n")
        return means["loss"]

    def _tell(self, loss: float, now: float) -> None:
        per_step = (now - self._began) / (self.step - self._first - WARM_STEPS)
        left = self.pace.seconds - self.spent if self.pace.seconds else per_step * (self.pace.steps - self.step)
        of_all = "" if self.pace.seconds else f"/{self.pace.steps}"
        self._say(
            f"{self.name}  {self.step}{of_all}  loss {loss:.4f}  {self.pace.batch * team.count() / per_step:.1f} a second  "
            f"{left / 60:.0f} minutes left"
        )

    def save(self) -> None:
        """Write the checkpoint, whole or not at all, and the curves."""
        if not team.leads():
            return
        state = {
            "step": self.step,
            "spent": self.spent,
            "parameters": [parameter.detach() for parameter in self.parameters],
            "averaged": self.averaged,
            "optimizer": self.optimizer.state_dict(),
        }
        part = self.folder / f"{self.name}.part"
        torch.save(state, part)
        os.replace(part, self.folder / f"{self.name}.pt")
        draw_curves(self.folder / f"{self.name}.jsonl", self.folder / f"{self.name}.png")

    def _load(self) -> None:
        path = self.folder / f"{self.name}.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        with torch.no_grad():
            for mine, stored in zip(self.parameters, state["parameters"], strict=True):
                mine.copy_(stored)
            for mine, stored in zip(self.averaged, state["averaged"], strict=True):
                mine.copy_(stored)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent = state["step"], state["spent"]

    def swap(self) -> None:
        """Exchange the trained weights with their average; calling it again brings them back."""
        with torch.no_grad():
            for parameter, averaged in zip(self.parameters, self.averaged, strict=True):
                kept = parameter.detach().clone()
                parameter.copy_(averaged)
                averaged.copy_(kept)
