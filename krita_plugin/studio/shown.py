"""What the docker of every window shows of the studio, and the signals that say when to look again."""

from __future__ import annotations

from pathlib import Path

from ..bundled import protocol
from ..link.link import Link
from ..link.standing import LinkState
from ..qt import QtCore
from .backend import Backend
from .documents import Documents
from .notice import Notice
from .prompts import weighs
from .queue import JobQueue
from .references import References, room_of
from .results import Results
from .settings import Settings
from .telling import Telling
from .views import BackendView, JobView, Offer, ReferenceView


class Shown(QtCore.QObject):
    """The studio to look at. The signals have no arguments: read the property again."""

    document_changed = QtCore.pyqtSignal()
    """Another document is the active one, or none: read everything again."""

    settings_changed = QtCore.pyqtSignal()
    """The settings are others than before."""

    references_changed = QtCore.pyqtSignal()
    """The references look different, or others can be chosen."""

    jobs_changed = QtCore.pyqtSignal()
    offers_changed = QtCore.pyqtSignal()
    backend_changed = QtCore.pyqtSignal()
    notice_changed = QtCore.pyqtSignal()
    styles_changed = QtCore.pyqtSignal()
    loras_changed = QtCore.pyqtSignal()

    # The studio makes these.
    _link: Link
    _documents: Documents
    _backend: Backend
    _results: Results
    _queue: JobQueue
    _references: References
    _telling: Telling
    _log_file: Path
    _shown: BackendView
    _chosen: tuple[str, int] | None

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
    def model(self) -> protocol.ModelInfo | None:
        """The model of the style that is set; None while nothing is known of it, or it cannot be used."""
        return self._backend.model(self.settings.style)

    @property
    def loras(self) -> tuple[str, ...]:
        """Names of the LoRAs that are made for that model's family."""
        return self._backend.loras.for_model(self.model)

    @property
    def has_loras(self) -> bool:
        """Whether there are LoRAs at all, for whatever model."""
        return bool(self._backend.loras)

    @property
    def loras_folder(self) -> str:
        """Where LoRAs lie, "" while unknown."""
        return self._backend.loras.folder

    @property
    def edits(self) -> bool:
        """Whether the model is shown the canvas to change it, even where nothing of it is to be kept."""
        model = self.model
        in_its_place = model is not None and model.references == 1 and bool(self.settings.references)
        return model is not None and model.variant == "edit" and not in_its_place

    @property
    def weights_in_vain(self) -> bool:
        """Whether a prompt weighs words, and the model knows no such thing."""
        model, settings = self.model, self.settings
        return model is not None and not model.weights and (weighs(settings.prompt) or weighs(settings.negative))

    @property
    def references(self) -> tuple[ReferenceView, ...]:
        """The layers that the model is to be shown; none where it takes none."""
        active = self._documents.active
        return self._references.views(active.document, active.settings, self.reference_room) if active else ()

    @property
    def reference_room(self) -> int:
        """How many layers the model takes as references; 0 where none, or while it is not known."""
        return room_of(self.model)

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
        return self._telling.notice

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
