"""What is told to the painter at the moment: one notice at a time, the newest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..bundled import protocol
from .notice import Notice, NoticeAction, NoticeKind

KEEPS_ENDING: Final = protocol.Failure(
    "keeps_ending", "The backend has ended several times by itself.", "Look at the log, then start the backend again."
)

_LOST: Final = "The connection to the backend was lost."


class Telling:
    """The notice. `changed` is called when it is another one, `settle` once what it offered to bring back is let go."""

    def __init__(self, changed: Callable[[], None], settle: Callable[[], None]) -> None:
        self._changed = changed
        self._settle = settle
        self.notice: Notice | None = None

    def tell(self, notice: Notice | None) -> None:
        """Tell something in the place of what was told before; None tells nothing any more."""
        if notice is None and self.notice is None:
            return
        before, self.notice = self.notice, notice
        self._changed()
        # another one that offers it is about what has been discarded since
        if _brings_back(before) and not _brings_back(notice):
            self._settle()

    def clear_worries(self) -> None:
        """What was told of a backend that was not there is no longer true."""
        notice = self.notice
        if notice is not None and (NoticeAction.START in notice.actions or notice.happened == _LOST):
            self.tell(None)


def discarded(pictures: int) -> Notice:
    """Tell that so many pictures were discarded together, and offer to bring them back."""
    happened = "The picture was discarded." if pictures == 1 else f"{pictures} pictures were discarded."
    return Notice(NoticeKind.INFO, happened, "", (NoticeAction.BRING_BACK,))


def lost(jobs: int) -> Notice:
    """Tell that the connection is lost, and that so many jobs are not."""
    waiting = "Your picture is not lost and comes" if jobs == 1 else f"Your {jobs} pictures are not lost and come"
    return Notice(NoticeKind.WARNING, _LOST, f"It is tried again by itself. {waiting} after that.")


def given_up(trouble: protocol.Failure, waiting: int) -> Notice:
    """Tell that the backend does not start; `waiting` is how many jobs waited for it and were dropped."""
    again = (NoticeAction.RETRY,) if waiting else ()
    return Notice.of(trouble, NoticeKind.ERROR, NoticeAction.START, *again, NoticeAction.OPEN_LOG)


def _brings_back(notice: Notice | None) -> bool:
    return notice is not None and NoticeAction.BRING_BACK in notice.actions
