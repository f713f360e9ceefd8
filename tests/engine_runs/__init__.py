"""Jobs for the engine by hand, and all that was heard of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from backend.models import STARTER_ID
from backend.pixels import raw
from backend.plan import Finished, PictureMade, Stopped, WentWrong, make_plan
from protocol import Bounds, Extent, Job, Style, content_name

JOB = "0" * 32
SQUARE = Extent(128, 128)


QUICK = Style(steps=4)


@dataclass
class Heard:
    """Every event of a run, sorted."""

    events: list

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def end(self):
        ends = self.of((Finished, Stopped, WentWrong))
        assert len(ends) == 1, "exactly one end"
        assert self.events[-1] is ends[0], "nothing after the end"
        return ends[0]

    @property
    def layers(self):
        """The pictures as floats [h, w, 4], red first."""
        assert isinstance(self.end, Finished), self.end
        made = self.of(PictureMade)
        assert [event.index for event in made] == list(range(len(made)))
        assert all(content_name(event.content) == event.picture.image.content for event in made)
        return [
            raw.to_rgba(raw.unpack(event.picture.image, event.content), event.picture.image.order) for event in made
        ]


def run(engine, plan, contents=None, stop_after=None):
    """Run a plan; `stop_after` says of the events so far whether the painter cancels."""
    heard = Heard([])
    engine.run(plan, contents or {}, heard.events.append, lambda: stop_after is not None and stop_after(heard.events))
    assert heard.end
    return heard


@dataclass(frozen=True)
class Sent:
    """A job's attachments."""

    job: Job
    contents: dict[str, bytes]


def send(image=None, mask=None, selection=None, **values) -> Sent:
    """A job on these pixels: an image [h, w, 4] of floats, a mask [h, w] of floats."""
    contents = {}
    extent = values.pop("extent", None) or Extent(image.shape[1], image.shape[0])
    if image is not None:
        values["image"], content = raw.pack(image, "u8")
        contents[values["image"].content] = content
    if mask is not None:
        values["mask"], content = raw.to_raster(raw.quantise(mask, "u8"), "gray")
        contents[values["mask"].content] = content
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        values["selection"] = selection or Bounds(
            int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1
        )
    return Sent(Job(JOB, extent, **values), contents)


def planned(library, sent, model=STARTER_ID):
    return make_plan(sent.job, library.find(model).facts)


def small(plan):
    """The same at a quarter of the work: many processors are slow in half precision."""
    return replace(plan, size=Extent(64, 64), steps=1, guidance=1.0, previews=False)


def picture(extent=SQUARE):
    """A smooth picture in all colours, opaque."""
    y, x = np.meshgrid(np.linspace(0, 1, extent.height), np.linspace(0, 1, extent.width), indexing="ij")
    return np.stack([x, y, 1 - x * y, np.ones_like(x)], axis=-1).astype(np.float32)


def disc(extent=SQUARE, radius=30):
    y, x = np.mgrid[: extent.height, : extent.width]
    return (np.hypot(x - extent.width / 2, y - extent.height / 2) < radius).astype(np.float32)
