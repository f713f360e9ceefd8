"""Jobs on their way: what each piece of news makes of what the docker shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ..bundled import protocol
from ..canvas import Document
from .keep import Kept
from .pictures import preview_image
from .settings import Settings
from .views import JobStage, JobView

STAGES: Final[dict[protocol.Stage, JobStage]] = {
    "loading": JobStage.LOADING,
    "encoding": JobStage.ENCODING,
    "painting": JobStage.PAINTING,
    "decoding": JobStage.DECODING,
}

STATES: Final[dict[protocol.JobState, JobStage]] = {
    # the link submits it again by itself
    "unknown": JobStage.SENDING,
    "receiving": JobStage.SENDING,
    "queued": JobStage.QUEUED,
    "done": JobStage.FETCHING,
}
"""Of the answer after a new connection. One that runs is told of by its progress, one that failed by its end."""


@dataclass(eq=False)
class Tracked:
    """A job from the moment it was asked for until its end.

    `kept` is there once the canvas has been read; `document` is where it was asked for, None for one of an earlier run of
    Krita, and then there are no `settings` either. `sent` is whether the link has it. `size` is how many bytes of pixels were
    read for it: they are held here until it is sent, and by the link from then on, unless it is cancelled.
    """

    view: JobView
    document: Document | None
    settings: Settings | None
    kept: Kept | None = None
    size: int = 0
    sent: bool = False
    cancelled: bool = False

    @property
    def id(self) -> str:
        """The job's id."""
        return self.view.id

    @property
    def painting(self) -> bool:
        """Whether the backend is at it."""
        at_it = (JobStage.LOADING, JobStage.ENCODING, JobStage.PAINTING, JobStage.DECODING)
        return self.sent and self.view.stage in at_it

    def hear(self, news: protocol.Accepted | protocol.Queued | protocol.Progress | protocol.PreviewPicture) -> None:
        """Show what is told of this job."""
        if isinstance(news, protocol.PreviewPicture):
            image = preview_image(news.preview.image, news.data)
            self.view = self.view if image is None else replace(self.view, preview=image)
        elif isinstance(news, protocol.Progress):
            self._show(
                STAGES[news.stage],
                fraction=news.fraction,
                seconds_left=news.seconds_left,
                picture=news.picture,
                pictures=news.pictures,
                step=news.step,
                steps=news.steps,
            )
        else:
            self._show(JobStage.QUEUED, place=news.place)

    def found(self, state: protocol.JobState) -> None:
        """Show where it is after a new connection."""
        if state in STATES:
            self._show(STATES[state])

    def wait(self) -> None:
        """Show that there is no connection; what was seen of the picture stays."""
        self._show(JobStage.PREPARING)

    def cancelling(self) -> None:
        """Show that its end has been asked for; it stays so until that comes."""
        self.cancelled = True
        self._show(JobStage.CANCELLING)

    def _show(self, stage: JobStage, **figures: float | None) -> None:
        if self.cancelled:
            stage = JobStage.CANCELLING
        # where no figures come with it, those of before are no longer true
        fresh = JobView(self.view.id, self.view.title, self.view.document, pictures=self.view.pictures)
        self.view = replace(fresh, stage=stage, preview=self.view.preview, **figures)  # type: ignore[arg-type]
