"""What is told to the painter beside the picture: what happened, what to do, and what a press of a button can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..bundled import protocol


class NoticeKind(Enum):
    """How grave it is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class NoticeAction(Enum):
    """What the painter can have done about it with one press: `Studio.act`."""

    OPEN_LOG = "open_log"
    """Opens the log; done by the docker, which knows how a file is opened."""

    START = "start"
    """Starts the backend."""

    STOP_ANYWAY = "stop_anyway"
    """Stops the backend although it paints."""

    RETRY = "retry"
    """Asks for the same picture again."""

    BRING_BACK = "bring_back"
    """Offers the pictures again that were just discarded together."""


@dataclass(frozen=True)
class Notice:
    """One thing to tell. `happened` and `remedy` are whole sentences; `remedy` may be empty where nothing is to be done."""

    kind: NoticeKind
    happened: str
    remedy: str
    actions: tuple[NoticeAction, ...] = ()

    @staticmethod
    def of(failure: protocol.Failure, kind: NoticeKind = NoticeKind.ERROR, *actions: NoticeAction) -> Notice:
        """Return the notice that tells of a failure."""
        return Notice(kind, failure.happened, failure.remedy, actions)
