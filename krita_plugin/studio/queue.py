"""The jobs of this Krita that have no end yet: asked for, sent, heard of, cancelled, and taken up again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from ..bundled import protocol
from ..canvas import Document, layer_name
from ..link.link import Link
from ..qt import QtCore
from .aside import Aside
from .asking import Asking
from .backend import Backend
from .documents import Documents
from .jobs import Tracked
from .keep import Keep, Kept
from .notice import Notice, NoticeAction, NoticeKind
from .results import Results
from .settings import Settings
from .views import JobStage, JobView

NOT_ASKED: Final = frozenset(
    {
        "document_closed",
        "selection_empty",
        "selection_off_canvas",
        "selection_too_thin",
        "style_gone",
        "model_gone",
        "no_model",
        "reference_gone",
        "reference_empty",
    }
)
"""Codes of refusals after which asking again in the same words is of no use: the painter must do something first."""

End = protocol.Result | protocol.Failed | protocol.Cancelled


class JobQueue:
    """Jobs in the order in which they were asked for. `changed` is called when one looks different."""

    def __init__(
        self,
        link: Link,
        backend: Backend,
        documents: Documents,
        results: Results,
        keep: Keep,
        aside: Aside,
        changed: Callable[[], None],
        tell: Callable[[Notice], None],
    ) -> None:
        self._link = link
        self._backend = backend
        self._documents = documents
        self._results = results
        self._keep = keep
        self._aside = aside
        self._changed = changed
        self._tell = tell
        self._jobs: dict[str, Tracked] = {}
        self._earlier: dict[str, Kept] = {}
        self._again: tuple[Document, Settings] | None = None
        self._asking = Asking(aside, backend, keep, self._send, self._refuse, self._held)

    @property
    def unread(self) -> bool:
        """Whether a document still has to come to rest before it is read."""
        return self._asking.unread

    @property
    def reading(self) -> bool:
        """Whether a document is being read, step by step."""
        return self._asking.reading

    @property
    def painting(self) -> bool:
        """Whether one of the jobs is being painted."""
        return any(job.painting for job in self._jobs.values())

    @property
    def others(self) -> int:
        """How many jobs come before the first of these; 0 where one of these is painted or nothing is known."""
        places = [job.view.place for job in self._jobs.values() if job.view.place is not None]
        return 0 if self.painting else min(places, default=0)

    @property
    def sent(self) -> int:
        """Number of jobs that the backend has to finish."""
        return sum(job.sent and not job.cancelled for job in self._jobs.values())

    @property
    def wants_backend(self) -> bool:
        """Whether a backend is needed: for a job, or for the result of an earlier run whose document is open."""
        if self._asking.waiting or self.sent:
            return True
        wanted = (kept for kept in self._earlier.values() if not kept.cancelled)
        return any(self._documents.home_of(kept, None) is not None for kept in wanted)

    def views(self) -> list[JobView]:
        """Return how the jobs stand, the oldest first. A cancelled one whose end cannot be heard now is not shown."""
        to_show = (job for job in self._jobs.values() if self._backend.ready or not job.cancelled)
        return [replace(job.view, document=self._name_elsewhere(job)) for job in to_show]

    def load(self) -> None:
        """Look for the jobs of an earlier run."""
        self._aside.do(self._keep.load, self._take_up)

    def generate(self, document: Document, settings: Settings) -> None:
        """Have a picture painted with these settings."""
        refusal = self._asking.refusal(settings)
        if refusal is not None:
            self._tell(Notice.of(refusal, NoticeKind.WARNING))
            return
        self._backend.ask_models_again()
        view = JobView(uuid.uuid4().hex, layer_name(settings.prompt), pictures=settings.count)
        job = self._jobs[view.id] = Tracked(view, document, settings)
        self._asking.ask(job, document, settings)
        if self._backend.startable:
            self._backend.start()
        self._asking.step()
        self._changed()

    def again(self) -> None:
        """Ask once more for what failed last."""
        if self._again is not None:
            self.generate(*self._again)

    def cancel(self, job_id: str) -> bool:
        """End a job; return whether it is one of these."""
        job = self._jobs.get(job_id)
        if job is None:
            return False
        if self._asking.drop(job_id) or not job.sent:
            del self._jobs[job_id]
            self._forget(job_id)
        elif not job.cancelled:
            job.cancelling()
            self._link.cancel(job_id)
            self._keep_cancelled(job)
        self._changed()
        return True

    def step(self) -> None:
        """Read documents that have come to rest, and send what is whole."""
        self._asking.step()

    def connected(self) -> None:
        """The backend is ready: fetch what earlier runs have left."""
        for kept in list(self._earlier.values()):
            self._resume(kept)

    def disconnected(self) -> None:
        """The connection is gone; the link keeps what was sent."""
        for job in self._jobs.values():
            if job.sent:
                job.wait()
        self._changed()

    def give_up(self) -> int:
        """End what waits for a backend that does not start; return how many. What was sent is kept."""
        dropped = self._asking.drop_all()
        for job in dropped:
            self._remember(job)
            self._jobs.pop(job.id, None)
            self._forget(job.id)
        self._changed()
        return len(dropped)

    def hear(self, news: protocol.News) -> None:
        """Take what is told of a job."""
        if isinstance(news, (protocol.Result, protocol.Failed, protocol.Cancelled)):
            self._ended(news)
        elif isinstance(news, (protocol.Accepted, protocol.Queued, protocol.Progress, protocol.PreviewPicture)):
            job = self._jobs.get(news.preview.id if isinstance(news, protocol.PreviewPicture) else news.id)
            if job is not None:
                job.hear(news)
                self._changed()
        elif isinstance(news, protocol.Jobs):
            for status in news.states:
                if status.id in self._jobs:
                    self._jobs[status.id].found(status.state)
            self._changed()

    def _held(self) -> int:
        """Return the bytes of pixels that are held for jobs: the link lets those of a cancelled one go at once."""
        return sum(job.size for job in self._jobs.values() if not job.cancelled)

    def _send(self, job: Tracked, message: protocol.Job, contents: Mapping[str, QtCore.QByteArray]) -> None:
        try:
            self._link.submit(message, contents)
        except (ValueError, ConnectionError) as error:
            self._refuse(job, protocol.Failure("not_sent", f"The job cannot be sent: {error}.", "Generate it again."))
            return
        job.sent = True
        job.view = replace(job.view, stage=JobStage.SENDING)
        self._changed()

    def _refuse(self, job: Tracked, failure: protocol.Failure) -> None:
        self._jobs.pop(job.id, None)
        self._forget(job.id)
        self._tell(Notice.of(failure, NoticeKind.WARNING, *self._retry(job, failure)))
        self._changed()

    def _ended(self, end: End) -> None:
        job = self._jobs.pop(end.done.id if isinstance(end, protocol.Result) else end.id, None)
        if job is None or job.kept is None:
            # not one of these; or pixels of one that had ended, which were asked for once more
            self._results.hear(end)
            return
        if isinstance(end, protocol.Result):
            self._backend.is_well()
            if not job.cancelled:
                self._results.arrive(job.kept, job.document, end, at_once=job.settings is not None)
                self._changed()
                return
        self._link.acknowledge(job.id)
        self._forget(job.id)
        if isinstance(end, protocol.Failed) and not job.cancelled:
            self._tell(self._notice_of(job, end.failure))
        self._changed()

    def _notice_of(self, job: Tracked, failure: protocol.Failure) -> Notice:
        if job.settings is None:
            happened = f"{job.view.title!r}, asked for before Krita ended, was not finished. {failure.happened}"
            return Notice(NoticeKind.WARNING, happened, failure.remedy)
        return Notice.of(failure, NoticeKind.ERROR, *self._retry(job, failure), NoticeAction.OPEN_LOG)

    def _retry(self, job: Tracked, failure: protocol.Failure) -> tuple[NoticeAction, ...]:
        self._remember(job)
        possible = self._again is not None and failure.code not in NOT_ASKED
        return (NoticeAction.RETRY,) if possible else ()

    def _remember(self, job: Tracked) -> None:
        if job.document is not None and job.settings is not None:
            self._again = (job.document, job.settings)

    def _take_up(self, kept: tuple[Kept, ...]) -> None:
        self._earlier = {found.id: found for found in kept if found.id not in self._jobs}
        if self._backend.ready:
            self.connected()
        self._changed()

    def _resume(self, kept: Kept) -> None:
        try:
            self._link.resume(kept.id)
        except (ValueError, ConnectionError):
            # tried again at the next connection
            return
        del self._earlier[kept.id]
        view = JobView(kept.id, layer_name(kept.prompt), stage=JobStage.FETCHING, pictures=kept.count)
        job = self._jobs[kept.id] = Tracked(view, None, None, kept, sent=True)
        if kept.cancelled:
            job.cancelling()
            self._link.cancel(kept.id)
        self._changed()

    def _keep_cancelled(self, job: Tracked) -> None:
        """Keep on disk that it was cancelled: its end may come only to the next Krita."""
        if job.kept is not None:
            job.kept = kept = replace(job.kept, cancelled=True)
            self._aside.do(lambda: self._keep.write(kept))

    def _forget(self, job_id: str) -> None:
        self._aside.do(lambda: self._keep.forget(job_id))

    def _name_elsewhere(self, job: Tracked) -> str:
        if job.document is not None:
            return "" if self._documents.is_active(job.document) else (job.kept.document if job.kept else "")
        home = self._documents.home_of(job.kept, None) if job.kept is not None else None
        return "" if self._documents.is_active(home) else (job.kept.document if job.kept else "")
