"""The studio: what the painter does in the docker, and what happens by itself."""

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
from .references import References, with_active_layer, without_layer
from .results import Results
from .settings import Settings
from .shown import Shown
from .telling import KEEPS_ENDING, Telling, discarded, given_up, lost
from .views import BackendView, JobStage

POLL_MILLISECONDS: Final = 250
"""Between two looks at which documents are open: Krita does not tell, and a person hardly notices a quarter of a second."""

WORK_MILLISECONDS: Final = 30
"""Between two looks whether a document has come to rest, while something waits for that: two frames of the screen."""

JOBS_MILLISECONDS: Final = 200
"""At least between two signals of how far the same jobs are: more often nobody can read it, and each makes the docker lay itself out
and Krita draw its whole window, canvas included."""


class Studio(Shown):
    """One for a Krita. It follows the document that is active there; all of it is for the main thread.

    Nothing here raises; what went wrong is the `notice`.
    `keep` is the folder for jobs that have no end yet. The link is the caller's to open and to close.
    """

    def __init__(
        self, link: Link, krita: Krita, keep: Path, log_file: Path, parent: QtCore.QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._calm = Calm(self.jobs_changed.emit, JOBS_MILLISECONDS, self)
        self._told: tuple[str, ...] = ()
        self._link = link
        self._log_file = log_file
        self._chosen = None
        self._closed = False
        self._was_ready = False
        self._aside = Aside(lambda error: self.tell(notice_of(error)), self)
        self._documents = Documents(krita)
        self._backend = Backend(link)
        self._references = References()
        self._telling = Telling(self.notice_changed.emit, lambda: self._results.settle())
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
        application = QtGui.QGuiApplication.instance()
        if isinstance(application, QtGui.QGuiApplication):
            application.applicationStateChanged.connect(self._application_changed)
        self._poll.start()
        self.refresh()
        self._queue.load()
        if self._backend.ready:
            self._link_changed(link.state)

    # What the painter does.

    @guarded
    def change(self, settings: Settings) -> None:
        """Set up the active document anew. The dockers of other windows may show it, too."""
        if self._documents.change(settings):
            self.settings_changed.emit()

    @guarded
    def add_reference(self) -> None:
        """Have the model shown the active layer, too."""
        active = self._documents.active
        if active is None:
            self.tell(Notice.of(canvas.NO_DOCUMENT, NoticeKind.WARNING))
            return
        settings = with_active_layer(active.document, active.settings, self.reference_room)
        if isinstance(settings, protocol.Failure):
            self.tell(Notice.of(settings, NoticeKind.INFO))
        else:
            self.change(settings)

    @guarded
    def remove_reference(self, layer: str) -> None:
        """Show the model a layer no longer."""
        self.change(without_layer(self.settings, layer))

    @guarded
    def look_for_loras(self) -> None:
        """Ask the backend which LoRAs there are now; `loras_changed` tells where there are others. Files come and go."""
        self._backend.ask_loras()

    @guarded
    def generate(self) -> None:
        """Have a picture painted for the active document."""
        self._look_around()
        self.dismiss_notice()
        active = self._documents.active
        if active is None:
            self.tell(Notice.of(canvas.NO_DOCUMENT, NoticeKind.WARNING))
        else:
            active.weights_told = active.weights_told or self.weights_in_vain
            self._queue.generate(active.document, active.settings)
            self._look_at_references(anew=True)
        self._keep_working()

    @guarded
    def cancel(self, job_id: str) -> None:
        """End a job, wherever it is."""
        if not self._queue.cancel(job_id):
            self._results.cancel(job_id)

    @guarded
    def cancel_newest(self) -> None:
        """End the job that was asked for last, of those that are not being ended already."""
        jobs = [job for job in self.jobs if job.stage is not JobStage.CANCELLING]
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
            self.tell(discarded(count))

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
        self._telling.tell(None)

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
        self._telling.tell(notice)

    # What happens by itself.

    @guarded
    def _application_changed(self, state: QtCore.Qt.ApplicationState) -> None:
        # who comes back to Krita may have put one into its folder
        if state == QtCore.Qt.ApplicationState.ApplicationActive and not self._closed:
            self._backend.ask_loras()

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
        self._look_at_references(anew=another)

    def _look_at_references(self, anew: bool) -> None:
        active = self._documents.active
        if active is not None and self._references.look(active.document, active.settings, anew):
            self.references_changed.emit()

    @guarded
    def _hear(self, news: protocol.News) -> None:
        if self._closed:
            return
        if self._backend.hear(news):
            if isinstance(news, protocol.Loras) or (
                isinstance(news, protocol.Refused) and news.request == "list_loras"
            ):
                self.loras_changed.emit()
            elif isinstance(news, (protocol.Models, protocol.Styles, protocol.Refused)):
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
            self._telling.clear_worries()
            self._backend.greet()
            self._queue.connected()
        elif was_ready:
            if self._queue.sent and not self._backend.stopped:
                self.tell(lost(self._queue.sent))
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
        self.tell(given_up(trouble, self._queue.give_up()))

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
