"""Which messages either side of the contract may send, and what they are called on the wire."""

from __future__ import annotations

from typing import Final

from .messages import (
    Accepted,
    Acknowledge,
    Cancel,
    Cancelled,
    Done,
    Failed,
    GetStatus,
    Goodbye,
    Hello,
    Jobs,
    Laid,
    Lies,
    ListLoras,
    ListModels,
    ListStyles,
    Loras,
    Models,
    Need,
    Preview,
    Progress,
    Query,
    Queued,
    Refused,
    Shutdown,
    Status,
    Styles,
    Submit,
    Welcome,
)

Request = (
    Hello
    | Submit
    | Need
    | Laid
    | Cancel
    | Query
    | Acknowledge
    | ListModels
    | ListStyles
    | ListLoras
    | GetStatus
    | Shutdown
    | Goodbye
)
"""What a client may send."""

Event = (
    Welcome
    | Need
    | Lies
    | Jobs
    | Models
    | Styles
    | Loras
    | Status
    | Accepted
    | Queued
    | Progress
    | Preview
    | Done
    | Failed
    | Cancelled
    | Refused
    | Goodbye
)
"""What a server may send."""

End = Done | Failed | Cancelled
"""A job has exactly one of these."""

Message = Request | Event

REQUESTS: Final[dict[str, type]] = {
    "hello": Hello,
    "submit": Submit,
    "need": Need,
    "laid": Laid,
    "cancel": Cancel,
    "query": Query,
    "acknowledge": Acknowledge,
    "list_models": ListModels,
    "list_styles": ListStyles,
    "list_loras": ListLoras,
    "get_status": GetStatus,
    "shutdown": Shutdown,
    "goodbye": Goodbye,
}
"""Type names of what a client may send."""

EVENTS: Final[dict[str, type]] = {
    "welcome": Welcome,
    "need": Need,
    "lies": Lies,
    "jobs": Jobs,
    "models": Models,
    "styles": Styles,
    "loras": Loras,
    "status": Status,
    "accepted": Accepted,
    "queued": Queued,
    "progress": Progress,
    "preview": Preview,
    "done": Done,
    "failed": Failed,
    "cancelled": Cancelled,
    "refused": Refused,
    "goodbye": Goodbye,
}
"""Type names of what a server may send."""
