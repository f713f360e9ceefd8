"""The studio: what the docker of every window shows, and what the painter does there."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .. import canvas
from ..bundled import protocol
from ..canvas.api import Krita
from ..link.link import Link
from ..link.standing import LinkState
from ..qt import QtCore, QtGui
from .aside import Aside
from .backend import Backend
from .calm import Calm
from .documents import Documents
from .fault import guarded, notice_of
from .keep import Keep
from .notice import Notice, NoticeAction, NoticeKind
from .queue import JobQueue
from .results import Results
from .settings import Settings
from .views import BackendView, JobView, Offer

POLL_MILLISECONDS: Final = 250
"""Between two looks at which documents are open: Krita does not tell, and a person hardly notices a quarter of a second."""

WORK_MILLISECONDS: Final = 30
"""Between two looks whether a document has come to rest, while something waits for that: two frames of the screen."""

JOBS_MILLISECONDS: Final = 200
"""At least between two signals of how far the same jobs are: more often nobody can read it, and each makes the docker lay itself out
and Krita draw its whole window, canvas included."""

KEEPS_ENDING: Final = protocol.Failure(
    "keeps_ending", "The backend has ended several times by itself.", "Look at the log, then start the backend again."
)


class Studio(QtCore.QObject):
    """One for a Krita. It follows the document that is active there; all of it is for the main thread.

    The signals have no arguments: read the property again. Nothing here raises; what went wrong is the `notice`.
    `keep` is the folder for jobs that have no end yet. The link is the caller's to open and to close.
    """

    document_changed = QtCore.pyqtSignal()
    """Another document is the active one, or none: read everything again."""

    settings_changed = QtCore.pyqtSignal()
    """The settings are others than before."""

    jobs_changed = QtCore.pyqtSignal()
    offers_changed = QtCore.pyqtSignal()
    backend_changed = QtCore.pyqtSignal()
    notice_changed = QtCore.pyqtSignal()
    styles_changed = QtCore.pyqtSignal()

    def __init__(
        self, link: Link, krita: Krita, keep: Path, log_file: Path, parent: QtCore.QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._calm = Calm(self.jobs_changed.emit, JOBS_MILLISECONDS, self)
        self._told: tuple[str, ...] = ()
        self._link = link
        self._log_file = log_file
        self._notice: Notice | None = None
        self._chosen: tuple[str, int] | None = None
        self._closed = False
        self._was_ready = False
        self._aside = Aside(lambda error: self.tell(notice_of(error)), self)
        self._documents = Documents(krita)
        self._backend = Backend(link)
        folder = Keep(keep)
        self._results = Results(link, self._documents, folder, self._aside, self._results_changed, self.tell)
        self._queue = JobQueue(
            link, self._backend, self._documents, self._results, folder, self._aside, self._jobs_changed, self.tell
        )
        self._shown = self._view()
        self._poll, self._work = QtCore.QTimer(self), QtCore.QTimer(self)
        self._poll.setInterval(POLL_MILLISECONDS)
        self._work.setInterval(WORK_MILLISECONDS)
        self._poll.timeout.connect(self.refresh)
        self._work.timeout.connect(self._step)
        link.news.connect(self._hear)
        link.state_changed.connect(self._link_changed)
        self._poll.start()
        self.refresh()
        self._queue.load()
        if self._backend.ready:
            self._link_changed(link.state)

    # What the docker shows.

    @property
    def has_document(self) -> bool:
        """Whether a document is active."""
        return self._documents.active is not None

    @property
    def settings(self) -> Settings:
        """What is set up for the active document."""
        active = self._documents.active
        return active.settings if active is not None else Settings()

    @property
    def styles(self) -> tuple[protocol.Style, ...]:
        """The styles to choose from, the default first; empty while none are known."""
        return self._backend.choices()

    @property
    def most_layers(self) -> int:
        """Into how many layers the chosen style's model takes a picture apart at most; 0 where it does not."""
        return self._backend.most_layers(self.settings.style)

    @property
    def styles_folder(self) -> str:
        """Where the painter's own styles lie, "" while unknown."""
        return self._backend.folder

    @property
    def jobs(self) -> tuple[JobView, ...]:
        """The jobs on their way, the oldest first."""
        return (*self._results.views(), *self._queue.views())

    @property
    def offers(self) -> tuple[Offer, ...]:
        """The pictures that wait for the painter in the active document, the oldest first."""
        return self._results.offers()

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Names of documents for which pictures wait, and which are not active or not open."""
        return self._results.elsewhere()

    @property
    def backend(self) -> BackendView:
        """How it stands with the backend."""
        return self._shown

    @property
    def notice(self) -> Notice | None:
        """What is to be told, the newest; None where there is nothing."""
        return self._notice

    @property
    def log_file(self) -> Path:
        """The log that tells more."""
        return self._log_file

    @property
    def can_generate(self) -> bool:
        """Whether pressing Generate leads to a picture, by starting the backend if need be."""
        return self.has_document and self._link.state not in (LinkState.REFUSED, LinkState.CLOSED)

    @property
    def chosen(self) -> tuple[str, int] | None:
        """Job and index of the offer that is chosen, else of the first one; None where there is no offer."""
        keys = [(offer.job, offer.index) for offer in self.offers]
        if self._chosen in keys:
            return self._chosen
        return keys[0] if keys else None

    # What the painter does.

    @guarded
    def change(self, settings: Settings) -> None:
        """Set up the active document anew. The dockers of other windows may show it, too."""
        if self._documents.change(settings):
            self.settings_changed.emit()

    @guarded
    def generate(self) -> None:
        """Have a picture painted for the active document."""
        self._look_around()
        self.dismiss_notice()
        active = self._documents.active
        if active is None:
            self.tell(Notice.of(canvas.NO_DOCUMENT, NoticeKind.WARNING))
        else:
            self._queue.generate(active.document, active.settings)
        self._keep_working()

    @guarded
    def cancel(self, job_id: str) -> None:
        """End a job, wherever it is."""
        if not self._queue.cancel(job_id):
            self._results.cancel(job_id)

    @guarded
    def cancel_newest(self) -> None:
        """End the job that was asked for last."""
        jobs = self.jobs
        if jobs:
            self.cancel(jobs[-1].id)

    @guarded
    def choose(self, job: str, index: int) -> None:
        """Choose the offer that `apply_chosen` and `discard_chosen` are for."""
        self._chosen = (job, index)

    @guarded
    def apply(self, job: str, index: int) -> None:
        """Add a picture to its document as a layer, as soon as that is at rest."""
        self._results.apply(job, index)
        self._start_if_wanted()
        self._keep_working()

    @guarded
    def discard(self, job: str, index: int) -> None:
        """Let a picture go."""
        self._results.discard(job, index)

    @guarded
    def discard_all(self) -> None:
        """Let every picture go that waits in the active document. As long as the notice that says so is there, it can be undone."""
        count = self._results.discard_all()
        if count:
            self.tell(_discarded(count))

    @guarded
    def apply_chosen(self) -> None:
        """Add the chosen picture."""
        if self.chosen is not None:
            self.apply(*self.chosen)

    @guarded
    def discard_chosen(self) -> None:
        """Let the chosen picture go."""
        if self.chosen is not None:
            self.discard(*self.chosen)

    @guarded
    def look(self, job: str, index: int) -> QtGui.QImage | None:
        """Return a picture large; None where it is not here. One that is fetched again is told by `offers_changed`."""
        found = self._results.look(job, index)
        self._start_if_wanted()
        return found

    @guarded
    def start_backend(self) -> None:
        """Start the backend, where none runs."""
        self.dismiss_notice()
        self._backend.start()

    @guarded
    def stop_backend(self, force: bool = False) -> None:
        """Stop the backend. While it paints, a notice asks first, unless by `force`."""
        self._backend.stop(force)

    @guarded
    def act(self, action: NoticeAction) -> None:
        """Do what a button of the notice says. Opening the log is the docker's."""
        if action is NoticeAction.BRING_BACK:
            self._results.bring_back()
        self.dismiss_notice()
        if action is NoticeAction.START:
            self._backend.start()
        elif action is NoticeAction.STOP_ANYWAY:
            self._backend.stop(force=True)
        elif action is NoticeAction.RETRY:
            self._queue.again()
            self._keep_working()

    @guarded
    def dismiss_notice(self) -> None:
        """The painter has read it."""
        if self._notice is not None:
            self._show(None)

    @guarded
    def refresh(self) -> None:
        """See which document is active: when Krita tells that another canvas is, and every now and then."""
        if not self._closed:
            self._look_around()

    def close(self) -> None:
        """At Krita's end: finish what is being written. Jobs go on in the backend. Any number of times."""
        self._closed = True
        self._poll.stop()
        self._work.stop()
        self._aside.close()

    def tell(self, notice: Notice) -> None:
        """Have the docker tell something; it takes the place of what it told before."""
        self._show(notice)

    def _show(self, notice: Notice | None) -> None:
        before, self._notice = self._notice, notice
        self.notice_changed.emit()
        # another one that offers it is about what has been discarded since
        if _brings_back(before) and not _brings_back(notice):
            self._results.settle()

    # What happens by itself.

    def _look_around(self) -> None:
        another, others = self._documents.look()
        if others:
            self._results.find_homes()
            self._start_if_wanted()
        if another:
            self.document_changed.emit()
            self.settings_changed.emit()
        if another or others:
            self._calm.at_once()
            self.offers_changed.emit()

    @guarded
    def _hear(self, news: protocol.News) -> None:
        if self._closed:
            return
        if self._backend.hear(news):
            if isinstance(news, (protocol.Models, protocol.Styles, protocol.Refused)):
                self._styles_told(news)
        elif isinstance(news, protocol.Refused):
            if news.request == "shutdown":
                self._backend.stays()
                self.tell(Notice.of(news.failure, NoticeKind.WARNING, NoticeAction.STOP_ANYWAY))
        else:
            self._queue.hear(news)
        self._show_backend()
        self._keep_working()

    def _styles_told(self, news: protocol.Models | protocol.Styles | protocol.Refused) -> None:
        self.styles_changed.emit()
        if isinstance(news, protocol.Styles) and news.problems:
            self.tell(Notice.of(news.problems[0], NoticeKind.WARNING))
        self._queue.step()

    @guarded
    def _link_changed(self, state: LinkState) -> None:
        if self._closed:
            return
        self._backend.stands()
        was_ready, self._was_ready = self._was_ready, state is LinkState.READY
        if state is LinkState.READY:
            self._clear_worries()
            self._backend.greet()
            self._queue.connected()
        elif was_ready:
            if self._queue.sent and not self._backend.stopped:
                self.tell(_lost(self._queue.sent))
            self._queue.disconnected()
        if state is LinkState.ABSENT and self._link.trouble is not None:
            self._give_up(self._link.trouble)
        self._start_if_wanted()
        self._show_backend()
        self._tell_jobs()

    def _start_if_wanted(self) -> None:
        if not self._backend.startable or self._link.trouble is not None:
            return
        if (self._queue.wants_backend or self._results.fetching) and not self._backend.start_again():
            self._give_up(KEEPS_ENDING)

    def _give_up(self, trouble: protocol.Failure) -> None:
        again = (NoticeAction.RETRY,) if self._queue.give_up() else ()
        self.tell(Notice.of(trouble, NoticeKind.ERROR, NoticeAction.START, *again, NoticeAction.OPEN_LOG))

    def _clear_worries(self) -> None:
        """What was told of a backend that was not there is no longer true."""
        if self._notice is not None and (NoticeAction.START in self._notice.actions or self._notice.happened == _LOST):
            self.dismiss_notice()

    @guarded
    def _step(self) -> None:
        self._queue.step()
        self._results.step()
        self._keep_working()

    def _keep_working(self) -> None:
        """Look often only while something waits for a document to come to rest, and at once where something is half done."""
        due = self._queue.unread or self._results.due
        pause = 0 if self._queue.reading or self._results.writing else WORK_MILLISECONDS
        if pause != self._work.interval():
            self._work.setInterval(pause)
        if due and not self._work.isActive() and not self._closed:
            self._work.start()
        elif not due and self._work.isActive():
            self._work.stop()

    def _jobs_changed(self) -> None:
        self._start_if_wanted()
        self._show_backend()
        self._tell_jobs()
        self._keep_working()

    def _tell_jobs(self) -> None:
        """Tell at once that a job has come or gone, and now and then how far they are."""
        now = tuple(job.id for job in self.jobs)
        if now != self._told:
            self._told = now
            self._calm.at_once()
        else:
            self._calm.ask()

    def _results_changed(self) -> None:
        self.offers_changed.emit()
        self._tell_jobs()
        self._keep_working()

    def _view(self) -> BackendView:
        return self._backend.view(self._queue.painting, self._queue.others)

    def _show_backend(self) -> None:
        view = self._view()
        if view != self._shown:
            self._shown = view
            self.backend_changed.emit()


def _brings_back(notice: Notice | None) -> bool:
    return notice is not None and NoticeAction.BRING_BACK in notice.actions


def _discarded(pictures: int) -> Notice:
    happened = "The picture was discarded." if pictures == 1 else f"{pictures} pictures were discarded."
    return Notice(NoticeKind.INFO, happened, "", (NoticeAction.BRING_BACK,))


_LOST: Final = "The connection to the backend was lost."


def _lost(jobs: int) -> Notice:
    waiting = "Your picture is not lost and comes" if jobs == 1 else f"Your {jobs} pictures are not lost and come"
    return Notice(NoticeKind.WARNING, _LOST, f"It is tried again by itself. {waiting} after that.")
