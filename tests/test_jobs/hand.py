"""An executor that a test plays by hand, and what it paints. Loaded by the conftests of this folder and of the server's."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

from backend.plan import Finished, PictureMade, PreviewMade, Stepped, Stopped, WentWrong
from protocol import Bounds, DeviceInfo, Failure, Picture, Raster

LOST = Failure("worker_lost", "The worker was killed.", "Try again.")
FULL = Failure("out_of_memory", "There was too little memory.", "Paint a smaller area.")


def raster_of(content: bytes, width: int, height: int, order="rgba", depth="u8") -> Raster:
    return Raster(hashlib.sha256(content).hexdigest(), len(content), width, height, order, depth)


def pixels_for(seed: int, bounds: Bounds) -> bytes:
    """Pixels that tell by which seed they were made."""
    pattern = hashlib.sha256(str(seed).encode()).digest()
    size = bounds.width * bounds.height * 4
    return (pattern * (size // len(pattern) + 1))[:size]


class HandExecutor:
    """Holds the executor's contract; what happens in a plan, and when, is the test's to say. With `by_itself` it paints at once."""

    def __init__(self, by_itself: bool = False) -> None:
        self.by_itself = by_itself
        self.ran: list[str] = []
        self.contents: list[dict[str, bytes]] = []
        self.plan = None
        self.closed = False
        self._orders: asyncio.Queue = asyncio.Queue()

    @property
    def state(self):
        return "busy" if self.plan else "ready"

    @property
    def device(self):
        return DeviceInfo("a hand", "cpu", 0)

    async def start(self) -> None:
        pass

    async def run(self, plan, contents):
        if self.plan is not None:
            raise RuntimeError("this executor runs one plan at a time")
        self.plan = plan
        self.ran.append(plan.job)
        self.contents.append(dict(contents))
        self._orders = asyncio.Queue()
        if self.closed:
            self.fail()
        elif self.by_itself:
            self.finish()
        try:
            event = None
            while not isinstance(event, (Finished, Stopped, WentWrong)):
                event = await self._orders.get()
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                if not isinstance(event, (Finished, Stopped, WentWrong)):
                    yield event
        finally:
            self.plan = None
        yield event

    def cancel(self, job: str) -> None:
        if self.plan is not None and self.plan.job == job:
            self._orders.put_nowait(Stopped())

    async def close(self) -> None:
        self.closed = True
        if self.plan is not None:
            self.fail()

    # what the test makes happen

    def give(self, event) -> None:
        self._orders.put_nowait(event)

    def step(self, step: int, steps: int = 10, picture: int = 0) -> None:
        self.give(Stepped("painting", picture, step, steps))

    def preview(self, step: int, content: bytes, width: int, height: int) -> None:
        self.give(PreviewMade(0, step, raster_of(content, width, height, "rgb"), content))

    def finish(self, leave_out: int = 0, notes=()) -> None:
        plan = self.plan
        for index, seed in enumerate(plan.seeds[leave_out:], leave_out):
            content = pixels_for(seed, plan.result)
            image = raster_of(content, plan.result.width, plan.result.height)
            self.give(PictureMade(index, Picture(image, plan.result, seed), content))
        self.give(Finished(notes))

    def cut_short(self) -> None:
        """Finish with pictures that lack their last byte."""
        self.finish()
        while not self._orders.empty():
            event = self._orders.get_nowait()
            whole = isinstance(event, Finished)
            self.give(event if whole else replace(event, content=event.content[:-1]))
            if whole:
                return

    def fail(self) -> None:
        self.give(WentWrong(FULL))

    def lose_worker(self) -> None:
        self.give(WentWrong(LOST))

    def break_off(self) -> None:
        self.give(OSError("the pipe broke"))

    def fall_silent(self) -> None:
        self.give(None)
