"""An executor that gives back its input, in this process: what is left when painting costs nothing is the road itself.

For benchmarks, and for tests of the server that need an executor whose result they can foretell. It paints nothing and is no
part of the product.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping

from backend.plan import Finished, PictureMade, Plan, PlanEvent, Stepped, Stopped, WentWrong
from protocol import Bounds, DeviceInfo, Failure, Picture, Raster, WorkerState
from protocol.values import DEPTH_BYTES, ORDER_CHANNELS


class Echo:
    """An `Executor` whose pictures are the plan's image, cut to the plan's result: one for each seed.

    The image must have the result's order, depth and encoding, and be raw where it is cut; what it cannot echo ends with
    WentWrong("echo"). `pause` is how many seconds each of the plan's steps takes; with 0 there are no steps.
    """

    def __init__(self, pause: float = 0) -> None:
        self._pause = pause
        self._job = ""
        self._cancelled = asyncio.Event()
        self._closed = False

    @property
    def state(self) -> WorkerState:
        """Stopped once closed, else busy while a plan runs."""
        if self._closed:
            return "stopped"
        return "busy" if self._job else "ready"

    @property
    def device(self) -> DeviceInfo | None:
        """This process."""
        return DeviceInfo("echo", "cpu")

    async def start(self) -> None:
        """Nothing is to be started."""

    async def run(self, plan: Plan, contents: Mapping[str, bytes]) -> AsyncIterator[PlanEvent]:
        """Step, then give the image back. The loop gets its turn between any two events."""
        if self._job:
            raise RuntimeError("this executor runs one plan at a time")
        self._job, self._cancelled = plan.job, asyncio.Event()
        end: PlanEvent = Finished()
        try:
            for picture, seed in enumerate(plan.seeds):
                for step in range(plan.steps if self._pause else 0):
                    yield Stepped("painting", picture, step + 1, plan.steps)
                    await self._rest()
                    if self._cancelled.is_set():
                        break
                if self._cancelled.is_set():
                    break
                image = plan.image
                if image is None or (problem := _problem(image, plan)):
                    end = WentWrong(Failure("echo", problem if image else "There is no image.", "Ask for an echo."))
                    break
                made, content = echoed(image, contents[image.content], plan.result)
                yield PictureMade(picture, Picture(made, plan.result, seed), content)
                await asyncio.sleep(0)
            if self._closed:
                end = WentWrong(Failure("worker_closed", "The executor was closed.", "Make another one."))
            elif self._cancelled.is_set():
                end = Stopped()
        finally:
            self._job = ""
        yield end

    def cancel(self, job: str) -> None:
        """End the plan of that job at once."""
        if job == self._job:
            self._cancelled.set()

    async def close(self) -> None:
        """End the plan that runs."""
        self._closed = True
        self._cancelled.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._pause):
                await self._cancelled.wait()
        except TimeoutError:
            pass


def _problem(image: Raster, plan: Plan) -> str:
    if (image.order, image.depth, image.encoding) != (plan.order, plan.depth, plan.encoding):
        return "The image has not the order, depth and encoding of the result."
    if not Bounds.of(image.extent).contains(plan.result):
        return "The result reaches outside the image."
    if image.encoding != "raw" and plan.result != Bounds.of(image.extent):
        return "A packed image cannot be cut."
    return ""


def echoed(image: Raster, content: bytes, result: Bounds) -> tuple[Raster, bytes]:
    """Return the part of an image that lies in `result`; the very same bytes where that is all of it."""
    if result == Bounds.of(image.extent):
        return image, content
    pixel = ORDER_CHANNELS[image.order] * DEPTH_BYTES[image.depth]
    row, view = image.width * pixel, memoryview(content)
    starts = range(result.y * row + result.x * pixel, (result.y + result.height) * row, row)
    cut = b"".join(view[start : start + result.width * pixel] for start in starts)
    raster = Raster(hashlib.sha256(cut).hexdigest(), len(cut), result.width, result.height, image.order, image.depth)
    return raster, cut
