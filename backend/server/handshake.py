"""Who may connect: this user's programs, and no page in a browser.

A page may open a websocket to any address, this machine's own included, with no question asked; the browser then names the page in
Origin. A page may also give its own name this machine's address (DNS rebinding); the browser then names it in Host.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from http import HTTPStatus
from typing import Final, cast

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers

from .problem import CannotServe

MAX_SESSIONS: Final = 128
"""Connections that have the token. A painter has one per open program; the rest is for mishaps."""

MAX_SOCKETS: Final = 256
"""Connections of any kind, those included that have not said who they are. Far below what the system lets a process open."""

OPEN_SECONDS: Final = 5.0
"""For a handshake: on the same machine it takes a millisecond."""

_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


def loopback(host: str) -> str:
    """Return the address to listen on. Raises CannotServe for one that others could reach.

    Beyond this machine the token and every picture would travel readable by all; that takes TLS, which is not there yet.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise CannotServe(
            "not_loopback",
            f"The backend does not listen on {host!r}: others could read what travels.",
            "Leave the host away, or give 127.0.0.1. From another machine, use an SSH tunnel.",
        )
    return str(address)


def refusal(headers: Headers, port: int, token: str) -> HTTPStatus | None:
    """Return why a request is refused, None when it may go on."""
    if "Origin" in headers or not _names_us(headers.get_all("Host"), port):
        return HTTPStatus.FORBIDDEN
    given = headers.get_all("Authorization")
    wanted = f"Bearer {token}".encode()
    # compared in any case, and in the same time wherever the first difference is
    right = hmac.compare_digest(given[0].encode("utf-8", "surrogateescape") if given else b"", wanted)
    if not right or len(given) != 1:
        return HTTPStatus.UNAUTHORIZED
    if headers.get("Upgrade", "").strip().lower() != "websocket":
        return HTTPStatus.UPGRADE_REQUIRED
    return None


def _names_us(hosts: list[str], port: int) -> bool:
    if len(hosts) != 1:
        return False
    host = hosts[0].strip().lower()
    return host in _NAMES or any(host == f"{name}:{port}" for name in _NAMES)


class BoundedConnection(ServerConnection):
    """A connection that is dropped at once where there are too many already."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it, and drop it when it is one too many."""
        super().connection_made(transport)
        if len(self.server.handlers) > MAX_SOCKETS:
            cast("asyncio.Transport", transport).abort()
