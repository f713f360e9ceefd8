"""What the docker shows: jobs on their way, pictures that wait, and the backend, each as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..bundled import protocol
from ..qt import QtGui


class JobStage(Enum):
    """Where a job is."""

    PREPARING = "preparing"
    """The canvas is read, or the backend is not there yet."""
    SENDING = "sending"
    QUEUED = "queued"
    LOADING = "loading"
    ENCODING = "encoding"
    PAINTING = "painting"
    DECODING = "decoding"
    FETCHING = "fetching"
    """It is painted, and its pictures are on the way here."""
    PLACING = "placing"
    """The layer comes as soon as nothing else is being done to the document."""
    CANCELLING = "cancelling"


@dataclass(frozen=True)
class JobView:
    """A job on its way.

    `document` is the name of its document where that is not the active one, else "". `place` is how many jobs come before
    it, None while that is unknown or it runs. `fraction` of the whole job from 0 to 1, `seconds_left` None while unknown;
    `picture` from 0 below `pictures`, `step` from 0 to `steps`. `preview` is the newest look at the unfinished picture.
    """

    id: str
    title: str
    document: str = ""
    stage: JobStage = JobStage.PREPARING
    place: int | None = None
    fraction: float = 0.0
    seconds_left: float | None = None
    picture: int = 0
    pictures: int = 1
    step: int = 0
    steps: int = 0
    preview: QtGui.QImage | None = None


@dataclass(frozen=True)
class Offer:
    """A finished picture of the active document that waits for the painter.

    `job` and `index` together are its key. `thumbnail` is at most THUMBNAIL pixels on its longest side. `applied` is
    whether it has been added as a layer already; adding it again is allowed. `drawn` is the prompt as this picture drew it, where
    it has choices or wildcards, else "".
    """

    job: str
    index: int
    title: str
    seed: int
    thumbnail: QtGui.QImage
    applied: bool = False
    drawn: str = ""


@dataclass(frozen=True)
class ReferenceView:
    """A layer of the active document that the model is shown.

    `name` is the layer's own, or where it is not `there` any more the one it had. `taken` is whether the model has room for it.
    `thumbnail` is None where there is nothing to see.
    """

    layer: str
    name: str
    there: bool = True
    taken: bool = True
    thumbnail: QtGui.QImage | None = None


class BackendState(Enum):
    """How it stands with the backend."""

    NOT_RUNNING = "not_running"
    STARTING = "starting"
    CONNECTING = "connecting"
    READY = "ready"
    BUSY = "busy"
    """It paints something."""
    LOST = "lost"
    """There is one, but the connection is gone; it is tried again by itself."""
    REFUSED = "refused"
    """There is one, but it and the plugin do not understand each other."""


@dataclass(frozen=True)
class BackendView:
    """How it stands with the backend.

    `trouble` is what to tell of it, None where the state says it all. `device` is what it paints on, "" while unknown;
    `others` how many jobs come before our first one, 0 where none or unknown.
    """

    state: BackendState = BackendState.NOT_RUNNING
    trouble: protocol.Failure | None = None
    can_start: bool = False
    can_stop: bool = False
    device: str = ""
    others: int = 0
