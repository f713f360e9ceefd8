"""The documents that are open in Krita, which of them the painter is at, and what is set up for each."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import PurePath
from typing import Final

from ..bundled import protocol
from ..canvas import Document, assign_identity, find_document, identity
from ..canvas.api import Krita
from ..qt import QtCore
from .keep import Kept
from .settings import ANNOTATION, Settings, decode_settings, encode_settings

UNTITLED: Final = "Untitled"
"""A document that has neither a file nor a title."""

OF_WEIGHTS: Final[tuple[protocol.Matter, ...]] = ("weights", "breaks")
"""The matters of notes that say what the docker tells by itself while the painter writes."""


def name_of(document: Document) -> str:
    """Return the name by which the painter knows a document: its file's, else its title."""
    # Krita gives the whole path, on Windows with either kind of slash
    return PurePath(document.fileName().replace("\\", "/")).name or document.name().strip() or UNTITLED


@dataclass
class Opened:
    """An open document, and what is set up for it. Documents have no hash; two of Python's objects may be one document."""

    document: Document
    settings: Settings
    told: set[tuple[str, str]] = field(default_factory=set)
    """Of which models which matters have been told."""
    weights_told: bool = False
    """Whether the docker has said by itself that weights mean nothing to the model."""


class Documents:
    """Which documents are open. Krita tells of none of this by itself: `look` asks it, and costs next to nothing."""

    def __init__(self, krita: Krita) -> None:
        self._krita = krita
        self._opened: list[Opened] = []
        self.active: Opened | None = None

    def look(self) -> tuple[bool, bool]:
        """Ask Krita; return whether another document is the active one, and whether others are open than before."""
        now = self._krita.documents()
        kept = [opened for opened in self._opened if opened.document in now]
        fresh = [document for document in now if not any(opened.document == document for opened in kept)]
        others = bool(fresh) or len(kept) < len(self._opened)
        self._opened = kept + [Opened(document, _settings_in(document)) for document in fresh]
        before, self.active = self.active, self._find_active()
        return self.active is not before, others

    def change(self, settings: Settings) -> bool:
        """Set up the active document anew, and write it into the document, which marks that as modified.

        Returns whether anything was different.
        """
        opened = self.active
        if opened is None or opened.settings == settings:
            return False
        opened.settings = settings
        assign_identity(opened.document)
        data = QtCore.QByteArray(encode_settings(settings))
        opened.document.setAnnotation(ANNOTATION, "What Scumble's docker is set to", data)
        return True

    def untold(self, document: Document | None, done: protocol.Done) -> list[str]:
        """Return those of the backend's sentences that the painter has not been told of this document.

        One with a matter, as that an area is larger than the model paints at once, or that it knows nothing of something, is as
        true of the next picture by the same model: it is told once. Every other tells of something that has just happened.
        """
        opened = next((opened for opened in self._opened if opened.document == document), None)
        told = opened.told if opened is not None else set[tuple[str, str]]()
        weights_told = opened is not None and opened.weights_told
        fresh = []
        for note, matter in zip_longest(done.notes, done.matters[: len(done.notes)], fillvalue=""):
            is_shown = weights_told and matter in OF_WEIGHTS
            if not is_shown and not (matter and (done.model, matter) in told):
                told.add((done.model, matter))
                fresh.append(note)
        return fresh

    def is_active(self, document: Document | None) -> bool:
        """Return whether this is the document that the painter is at."""
        return document is not None and self.active is not None and self.active.document == document

    def home_of(self, kept: Kept, certain: Document | None, last: Document | None = None) -> Document | None:
        """Return the open document to which a job belongs, or None.

        `certain` is the one to which it is known to belong. Where that is not open it is only likely: a copy has the same layers.
        Then `last` is where the job was when last looked at.
        """
        documents = [opened.document for opened in self._opened]
        if certain is not None and certain in documents:
            return certain
        # a copy under another name has it only until the document itself is opened
        namesakes = [each for each in documents if name_of(each) == kept.document]
        if kept.identity:
            namesakes = [each for each in namesakes if identity(each) == kept.identity]
        for likely in (namesakes, documents):
            if last is not None and last in likely:
                return last
            found = find_document(likely, kept.identity, frozenset(kept.layers))
            if found is not None:
                return found
        return None

    def _find_active(self) -> Opened | None:
        document = self._krita.activeDocument()
        if document is None:
            # Krita names none while another program's window is in front; the painter is still at the same
            return self.active if self.active in self._opened else None
        return next((opened for opened in self._opened if opened.document == document), None)


def _settings_in(document: Document) -> Settings:
    return decode_settings(document.annotation(ANNOTATION).data())
