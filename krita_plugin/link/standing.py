"""How the link stands: what the docker says of the backend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..bundled import protocol


class LinkState(str, Enum):
    """How the link stands. Jobs are kept in every state but CLOSED, and taken up again at READY."""

    ABSENT = "absent"
    """No backend is running. One that starts later is found by itself."""
    STARTING = "starting"
    """This link has started one, which does not listen yet."""
    CONNECTING = "connecting"
    """There is one, and it is being greeted."""
    READY = "ready"
    """It has greeted: requests reach it."""
    LOST = "lost"
    """There is one, but the connection to it broke or is not to be had. It is tried again by itself."""
    REFUSED = "refused"
    """There is one, but it and this plugin do not understand each other. It is tried again, seldom."""
    CLOSED = "closed"
    """`close` was called, or `open` never was."""


@dataclass(frozen=True)
class Standing:
    """A state, and what to tell the painter of it: None where the state says it all."""

    state: LinkState
    failure: protocol.Failure | None = None


def no_answer(reason: str) -> protocol.Failure:
    """Tell of a backend that seems to be there, and does not take a connection."""
    return protocol.Failure(
        "no_connection",
        f"The backend does not answer ({reason}).",
        "It is tried again by itself. If that does not help, stop the backend and start it again.",
    )


def not_understood(error: Exception) -> protocol.Failure:
    """Tell of a backend that breaks the contract."""
    return protocol.Failure(
        "protocol_error",
        f"The backend and the plugin do not understand each other: {error}.",
        "Update both to the same version, then restart Krita and the backend.",
    )


def turned_away(status: int) -> protocol.Failure:
    """Tell of a backend that does not let this plugin in, with an HTTP status."""
    if status == 503:
        return protocol.Failure(
            "too_many_connections",
            "The backend has as many connections as it takes.",
            "Close other programs that paint with it; it is tried again by itself.",
        )
    return protocol.Failure(
        "turned_away",
        f"The backend did not let the plugin in (HTTP status {status}).",
        "Stop the backend and start it again.",
    )


def too_slow(seconds: float) -> protocol.Failure:
    """Tell of a backend that was started and is not there."""
    return protocol.Failure(
        "not_started",
        f"The backend was started, but does not listen after {seconds:.0f} seconds.",
        "It is used as soon as it does. If it never does, look at 'scumble doctor' in a terminal.",
    )


def fault(error: BaseException) -> protocol.Failure:
    """Tell of a fault of the plugin's own."""
    return protocol.Failure(
        "link_fault",
        f"The connection to the backend broke off: {type(error).__name__}: {error}.",
        "It is tried again by itself. If it happens every time, please report it.",
    )
