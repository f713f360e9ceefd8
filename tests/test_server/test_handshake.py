"""Who may connect. Each line of what went wrong in other servers of this kind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus

from backend.server import CannotServe, handshake
from protocol import Welcome

TOKEN = secrets.token_hex(32)

VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60).map(
    str.strip
) | (st.sampled_from([f"Bearer {TOKEN}", "127.0.0.1", "localhost:4711", "[::1]:4711", "localhost:", "[::1]:04711"]))
"""What a header may hold, and what comes near to what is taken."""


def headers(*pairs: tuple[str, str]) -> Headers:
    return Headers(pairs)


def good(port: int = 4711) -> list[tuple[str, str]]:
    return [("Host", f"127.0.0.1:{port}"), ("Authorization", f"Bearer {TOKEN}"), ("Upgrade", "websocket")]


async def raw(found, *lines: str, method: str = "GET", path: str = "/") -> bytes:
    """Send a request with just these headers, and return all that comes back."""
    reader, writer = await asyncio.open_connection(found.host, found.port)
    writer.write("\r\n".join((f"{method} {path} HTTP/1.1", *lines, "", "")).encode("latin-1"))
    await writer.drain()
    try:
        async with asyncio.timeout(10):
            return await reader.read(65536)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def upgrade(found, token=None, host=None, extra=()) -> list[str]:
    lines = [
        f"Host: {host if host is not None else f'{found.host}:{found.port}'}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        *extra,
    ]
    return lines if token is None else [*lines, f"Authorization: Bearer {token}"]


async def status_of(found, *lines: str, **options) -> int:
    """Return the status, having checked that a refusal tells nothing."""
    answer = await raw(found, *lines, **options)
    head, _, body = answer.partition(b"\r\n\r\n")
    for secret in (found.token.encode(), b"Scumble", b"websockets", b"Python", b"Traceback"):
        assert secret not in answer
    assert len(body) < 40
    assert b"Server:" not in head
    return int(head.split(b" ")[1])


async def test_the_right_token_opens(server):
    reader, writer = await asyncio.open_connection(server.found.host, server.found.port)
    writer.write("\r\n".join(("GET / HTTP/1.1", *upgrade(server.found, server.found.token), "", "")).encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 101")
    writer.close()


@pytest.mark.parametrize("token", ["", "wrong", "0" * 64, "ä" * 32])
async def test_a_wrong_token_is_refused(server, token):
    assert await status_of(server.found, *upgrade(server.found, token)) == 401


async def test_part_of_the_token_or_more_than_it_is_refused(server):
    for token in (server.found.token[:-1], server.found.token + "0", server.found.token.upper() + " "):
        assert await status_of(server.found, *upgrade(server.found, token)) == 401


async def test_no_token_or_two_are_refused(server):
    found = server.found
    assert await status_of(found, *upgrade(found)) == 401
    assert await status_of(found, *upgrade(found, found.token), f"Authorization: Bearer {found.token}") == 401
    assert await status_of(found, *upgrade(found), f"Authorization: Basic {found.token}") == 401
    assert await status_of(found, *upgrade(found), path=f"/?token={found.token}") == 401


@pytest.mark.parametrize(
    "origin", ["null", "", "http://127.0.0.1", "http://localhost:8188", "https://example.org", "file://"]
)
async def test_any_origin_is_refused_even_with_the_token(server, origin):
    assert await status_of(server.found, *upgrade(server.found, server.found.token, extra=[f"Origin: {origin}"])) == 403
    own = f"oRiGiN: http://{server.found.host}:{server.found.port}"
    assert await status_of(server.found, *upgrade(server.found, server.found.token, extra=[own])) == 403


@pytest.mark.parametrize(
    "host",
    [
        "example.org",
        "127.0.0.1.example.org",
        "localhost.example.org:{port}",
        "127.0.0.1:1",
        "0.0.0.0:{port}",
        "",
        "127.0.0.1:{port}@example.org",
        "127.1:{port}",
        "[::1]:1",
        "localhost:{port}:{port}",
    ],
)
async def test_a_foreign_host_is_refused_even_with_the_token(server, host):
    lines = upgrade(server.found, server.found.token, host=host.format(port=server.found.port))
    assert await status_of(server.found, *lines) == 403


async def test_a_host_given_twice_or_not_at_all_is_refused(server):
    found = server.found
    lines = upgrade(found, found.token)
    assert await status_of(found, *lines, "Host: example.org") == 403
    assert await status_of(found, *lines, lines[0]) == 403
    assert await status_of(found, *lines[1:]) == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_the_names_of_this_machine_are_taken(name):
    for host in (name, f"{name}:4711"):
        assert handshake.refusal(headers(("Host", host), *good()[1:]), 4711, TOKEN) is None


@given(VALUES)
def test_no_other_authorization_is_taken(value):
    pairs = [good()[0], ("Authorization", value), good()[2]]
    assert (handshake.refusal(headers(*pairs), 4711, TOKEN) is None) == (value == f"Bearer {TOKEN}")


@given(VALUES)
def test_no_other_host_is_taken(value):
    allowed = {"127.0.0.1", "localhost", "[::1]"}
    taken = handshake.refusal(headers(("Host", value), *good()[1:]), 4711, TOKEN) is None
    assert taken == (value.strip().lower().removesuffix(":4711") in allowed)


async def test_plain_requests_are_answered_shortly(server):
    found = server.found
    host = f"Host: {found.host}:{found.port}"
    assert await status_of(found, host) == 401
    assert await status_of(found, host, path="/../../etc/passwd") == 401
    assert await status_of(found, host, f"Authorization: Bearer {found.token}") == 426


@pytest.mark.parametrize(
    "data", [b"\x00" * 100, b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /" + b"a" * 100_000, b"\x16\x03\x01\x02\x00"]
)
async def test_what_is_no_request_is_dropped(server, data):
    reader, writer = await asyncio.open_connection(server.found.host, server.found.port)
    writer.write(data)
    writer.write_eof()
    try:
        async with asyncio.timeout(10):
            answer = await reader.read()
    except ConnectionResetError:
        answer = b""
    assert not answer.startswith(b"HTTP/1.1 101")
    writer.close()


async def test_connections_are_bounded(server, tools, monkeypatch, meet):
    monkeypatch.setattr("backend.server.server.MAX_SESSIONS", 2)
    await meet()
    second = await meet()
    with pytest.raises(InvalidStatus) as refused:
        await meet()
    assert refused.value.response.status_code == 503
    await second.socket.close()
    await tools.until(lambda: server.status().clients == 1)
    third = await meet()
    assert third.of(Welcome)


async def test_sockets_that_never_speak_are_bounded_too(server, monkeypatch):
    monkeypatch.setattr(handshake, "MAX_SOCKETS", 3)
    silent = [await asyncio.open_connection(server.found.host, server.found.port) for _ in range(3)]
    reader, writer = await asyncio.open_connection(server.found.host, server.found.port)
    async with asyncio.timeout(4):
        # dropped at once, long before a handshake is given up
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
    for _, one in (*silent, (reader, writer)):
        one.close()


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.1", "example.org", "", "127.0.0.1.example.org", "169.254.1.1"]
)
async def test_it_does_not_listen_where_others_could_reach_it(make_server, places, host):
    server = make_server(host=host)
    with pytest.raises(CannotServe, match="SSH tunnel") as refused:
        await server.start()
    assert refused.value.failure.code == "not_loopback"
    assert not places.discovery.exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_addresses_are_taken(host):
    assert handshake.loopback(host) == ("127.0.0.1" if host == "localhost" else host)


async def test_it_listens_on_loopback_only(server):
    import psutil

    listening = [
        c.laddr
        for c in psutil.Process().net_connections("tcp")
        if c.status == psutil.CONN_LISTEN and c.laddr.port == server.found.port
    ]
    assert [address.ip for address in listening] == ["127.0.0.1"]
