"""How far a running job is, and how long it still takes, told from the steps it has made so far."""

from __future__ import annotations

from collections import deque
from typing import Final

from backend.plan import Plan, Stepped
from protocol import Progress, Stage

STEPS_TIMED: Final = 8
"""The rate is that of the last so many steps: enough to level out hiccups, few enough to follow a machine that gets busy."""

_STAGE_SHARE: Final[dict[Stage, tuple[float, float]]] = {
    "loading": (0.0, 0.0),
    "encoding": (0.02, 0.0),
    "painting": (0.04, 0.92),
    "decoding": (0.96, 0.0),
}
"""Where in one picture's share of the bar a stage begins, and how much its steps add. Painting is nearly all of the time."""


class Pace:
    """One run of one job. `now` are seconds of a clock that never goes back.

    The fraction never falls, and is 1 only in the job's end.
    """

    def __init__(self, plan: Plan) -> None:
        self._job = plan.job
        self._pictures = len(plan.seeds)
        self._fraction = 0.0
        self._steps: deque[float] = deque(maxlen=STEPS_TIMED)
        self._last: tuple[int, int, float] | None = None
        self._begun: tuple[int, float] | None = None
        self._whole: float | None = None

    def progress(self, event: Stepped, now: float) -> Progress:
        """Return what to tell of an event that has just come."""
        picture = min(max(event.picture, 0), self._pictures - 1)
        if event.stage == "painting" and event.steps:
            self._time_step(picture, event.step, now)
        self._time_picture(picture, event.stage, now)
        share, per_steps = _STAGE_SHARE[event.stage]
        within = share + (per_steps * min(event.step / event.steps, 1.0) if event.steps else 0.0)
        together = min(max(event.together, 1), self._pictures - picture)
        self._fraction = max(self._fraction, (picture + within * together) / self._pictures)
        return Progress(
            self._job,
            self._fraction,
            event.stage,
            picture,
            self._pictures,
            event.step,
            event.steps,
            self._seconds_left(event, picture, together, now),
        )

    def _time_step(self, picture: int, step: int, now: float) -> None:
        if self._last is not None:
            last_picture, last_step, then = self._last
            if last_picture == picture and step > last_step:
                self._steps.append((now - then) / (step - last_step))
        self._last = (picture, step, now)

    def _time_picture(self, picture: int, stage: Stage, now: float) -> None:
        """Time a whole picture, from its first step to that of the next: what comes around the steps is in it."""
        if stage != "painting" or (self._begun is not None and self._begun[0] == picture):
            return
        if self._begun is not None and picture > self._begun[0]:
            self._whole = (now - self._begun[1]) / (picture - self._begun[0])
        self._begun = (picture, now)

    def _seconds_left(self, event: Stepped, picture: int, together: int, now: float) -> float | None:
        if not self._steps or self._begun is None:
            return None
        rate = sum(self._steps) / len(self._steps)
        pictures_left = self._pictures - picture - together
        if self._whole is not None:
            these = self._whole * together
            if self._begun[0] == picture:
                these = max(0.0, these - (now - self._begun[1]))
            return these + pictures_left * self._whole
        if event.stage == "painting":
            # those that come together take their steps together
            return rate * (max(0, event.steps - event.step) + pictures_left / together * event.steps)
        return rate * pictures_left * self._steps_of_picture()

    def _steps_of_picture(self) -> int:
        return self._last[1] if self._last is not None else 0
