"""One job on an executor: the plan's events in, the contract's out, and always exactly one end."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from backend.executors.interface import Executor
from backend.plan import Finished, PictureMade, Plan, PlanEvent, PreviewMade, Stepped, Stopped, WentWrong
from protocol import Cancelled, Done, End, Failed, Preview, Progress, encode_message

from .failures import EXECUTOR_FAULT
from .pace import Pace

log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Hears how a job goes on."""

    def told(self, progress: Progress) -> None:
        """It is this far."""

    def shown(self, preview: Preview, content: bytes) -> None:
        """It looks like this."""


@dataclass(frozen=True)
class Outcome:
    """A job's end, and the bytes of its pictures by content hash."""

    end: End
    contents: Mapping[str, bytes] = field(default_factory=dict)


async def paint(plan: Plan, contents: Mapping[str, bytes], executor: Executor, watcher: Watcher) -> Outcome:
    """Run a plan and return how it ended. Never raises but when it is cancelled itself."""
    run = executor.run(plan, contents)
    try:
        outcome = await _follow(plan, run, watcher)
        # what cannot travel is a fault of the executor's, and shows here
        encode_message(outcome.end)
        return outcome
    except Exception:
        log.exception("job %s: the executor raised", plan.job)
        return Outcome(Failed(plan.job, EXECUTOR_FAULT))
    finally:
        # what is heard after the end belongs to nobody, and an executor that is left in mid-run must learn of it
        if isinstance(run, AsyncGenerator):
            await run.aclose()


def with_note(outcome: Outcome, note: str) -> Outcome:
    """Return the same outcome, with one more note where it has pictures."""
    end = outcome.end
    return replace(outcome, end=replace(end, notes=(*end.notes, note))) if isinstance(end, Done) else outcome


async def _follow(plan: Plan, run: AsyncIterator[PlanEvent], watcher: Watcher) -> Outcome:
    begun = time.monotonic()
    pace = Pace(plan)
    made: dict[int, PictureMade] = {}
    async for event in run:
        match event:
            case Stepped():
                watcher.told(pace.progress(event, time.monotonic()))
            case PreviewMade(picture, step, image, content):
                watcher.shown(Preview(plan.job, picture, step, image), content)
            case PictureMade():
                made[event.index] = event
            case Finished(notes):
                return _done(plan, made, plan.notes + notes, time.monotonic() - begun)
            case Stopped():
                return Outcome(Cancelled(plan.job))
            case WentWrong(failure):
                return Outcome(Failed(plan.job, failure))
    log.error("job %s: the executor fell silent before the end", plan.job)
    return Outcome(Failed(plan.job, EXECUTOR_FAULT))


def _done(plan: Plan, made: Mapping[int, PictureMade], notes: tuple[str, ...], seconds: float) -> Outcome:
    pictures = [made[index] for index in range(len(plan.seeds)) if index in made]
    whole = all(one.is_whole and len(one.layers) == plan.layers for one in pictures)
    if len(pictures) != len(plan.seeds) or not whole:
        log.error("job %s: %d of %d pictures are there, or not whole", plan.job, len(pictures), len(plan.seeds))
        return Outcome(Failed(plan.job, EXECUTOR_FAULT))
    drawn = plan.drawn or ("",) * len(pictures)
    told = tuple(replace(one.picture, prompt=prompt) for one, prompt in zip(pictures, drawn, strict=True))
    done = Done(plan.job, told, notes, seconds, plan.matters, plan.model)
    return Outcome(done, {name: content for one in pictures for name, content in one.contents.items()})
