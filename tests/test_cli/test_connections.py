"""The asyncio client and the commands on it, with servers that are not as they should be, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json

import pytest
from rich.console import Console
from websockets.asyncio.server import serve

from backend import client as client_module
from backend.cli import ask as ask_module
from backend.cli.ask import _ask
from backend.cli.problem import Problem
from backend.cli.progress import JobDisplay
from backend.cli.run_job import run_job
from backend.client import Address, Client, Lost, Unreachable
from protocol import Extent, Failure, GetStatus, Goodbye, Job, Models, Refused, Status, Welcome, encode_message


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(client_module, "RECONNECT_SECONDS", (0.001, 0.002))
    monkeypatch.setattr(client_module, "CLOSE_SECONDS", 0.2)


@pytest.fixture
async def server():
    """Serve with a function; gives a `reach` to it."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler):
            listening = await stack.enter_async_context(serve(handler, "127.0.0.1", 0, compression=None))
            port = listening.sockets[0].getsockname()[1]

            async def reach() -> Address:
                return Address("127.0.0.1", port, "token")

            return reach

        yield start


def job(models) -> tuple[Job, dict[str, bytes]]:
    return Job(id="a" * 32, extent=Extent(64, 64)), {}


@pytest.fixture
def shown():
    return io.StringIO()


@pytest.fixture
def run(shown):
    async def run(reach, make_job=job):
        with JobDisplay(Console(file=shown)) as display:
            async with asyncio.timeout(20):
                await run_job(reach, make_job, lambda result: None, display, lambda preview: None)

    return run


def failure(code: str) -> Failure:
    return Failure(code, "It is so.", "Do this.")


async def test_a_goodbye_that_is_final_is_told_and_not_argued_with(server, run):
    connections = []

    async def refuse(socket):
        connections.append(socket)
        await socket.recv()
        await socket.send(encode_message(Goodbye(failure("version_mismatch"))))

    with pytest.raises(Problem) as caught:
        await run(await server(refuse))
    assert caught.value.failure == failure("version_mismatch")
    assert len(connections) == 1


async def test_a_backend_of_another_major_version_is_named_as_the_one_to_update(server, run):
    async def greet(socket):
        await socket.recv()
        welcome = json.loads(encode_message(Welcome("Other")))
        welcome["version"]["major"] = 2
        await socket.send(json.dumps(welcome))
        await socket.wait_closed()

    with pytest.raises(Problem, match="the painting program's plugin needs an update"):
        await run(await server(greet))


async def test_a_refused_list_of_models_ends_the_command(server, run):
    async def refuse(socket):
        await socket.recv()
        await socket.send(encode_message(Welcome("Busy")))
        await socket.recv()
        await socket.send(encode_message(Refused("list_models", failure("impatient"))))
        await socket.wait_closed()

    with pytest.raises(Problem) as caught:
        await run(await server(refuse))
    assert caught.value.failure == failure("impatient")


async def test_a_lost_connection_is_told_once_and_the_job_submitted_again(server, run, shown):
    submitted = []

    async def lose(socket):
        await socket.recv()
        await socket.send(encode_message(Welcome("Shaky")))
        async for frame in socket:
            message = json.loads(frame)
            if message["type"] == "list_models":
                await socket.send(encode_message(Models(())))
            elif message["type"] == "query":
                states = [{"id": one, "state": "unknown"} for one in message["ids"]]
                await socket.send(json.dumps({"type": "jobs", "states": states}))
            elif message["type"] == "submit":
                submitted.append(message["job"]["id"])
                if len(submitted) < 3:
                    return
                end = {"type": "failed", "id": message["job"]["id"], "failure": vars(failure("enough"))}
                await socket.send(json.dumps(end))

    with pytest.raises(Problem) as caught:
        await run(await server(lose))
    assert caught.value.failure == failure("enough")
    assert submitted == ["a" * 32] * 3
    assert shown.getvalue().count("is lost; connecting again") == 2


async def test_a_fault_on_the_way_to_a_server_is_told_and_does_not_hang(run):
    async def reach() -> Address:
        raise RuntimeError("odd")

    with pytest.raises(Problem, match="RuntimeError: odd"):
        await run(reach)


async def test_a_server_that_always_closes_is_given_up(server):
    connections = []

    async def close(socket):
        connections.append(socket)

    async with Client(await server(close), "ana", "test") as client, asyncio.timeout(20):
        heard = client.news()
        for _ in range(client_module.RECONNECT_ATTEMPTS - 1):
            assert isinstance(await anext(heard), Lost)
        with pytest.raises(Unreachable, match="does not answer"):
            await anext(heard)
    assert len(connections) == client_module.RECONNECT_ATTEMPTS


async def test_a_server_that_says_nothing_is_no_answer(server, monkeypatch):
    monkeypatch.setattr(ask_module, "ANSWER_SECONDS", 0.2)

    async def silent(socket):
        await socket.wait_closed()

    with pytest.raises(Problem) as caught:
        await _ask(await server(silent), GetStatus(), Status)
    assert caught.value.failure.code == ask_module.NO_ANSWER


async def test_a_fault_in_what_is_said_ends_the_connection_and_is_told(server, monkeypatch):
    async def listen(socket):
        await socket.wait_closed()

    async with Client(await server(listen), "ana", "test") as client, asyncio.timeout(20):

        def broken():
            raise RuntimeError("odd")

        monkeypatch.setattr(client._painter, "next_frame", broken)
        with pytest.raises(Unreachable, match="RuntimeError: odd"):
            await anext(client.news())
