"""Run the server as a process: until a signal, a client's wish or idleness ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from backend.executors.interface import Executor
from backend.places import Places

from .instance import AlreadyRunning
from .log import logging_to
from .problem import CannotServe
from .server import Server
from .shelf import Library

log = logging.getLogger(__name__)


def serve(
    places: Places,
    *,
    executor: Executor,
    library: Library,
    host: str = "127.0.0.1",
    port: int = 0,
    idle_seconds: float | None = None,
) -> int:
    """Run the backend until it is stopped; return the exit code of the process.

    0 when it was stopped, and when another one of this user runs already; 1 when it could not start. What happens is printed.
    """
    server = Server(places, executor, library, host, port, idle_seconds)
    try:
        with logging_to(places.log):
            return asyncio.run(_run(server, places))
    except CannotServe as problem:
        print(problem, file=sys.stderr)
        return 1


async def _run(server: Server, places: Places) -> int:
    try:
        await server.start()
    except AlreadyRunning as other:
        print(f"{other} It listens on {other.found.host}, port {other.found.port}.")
        return 0
    except CannotServe as problem:
        log.error("not started: %s", problem)
        raise
    print(f"Listening on {server.found.host}, port {server.found.port}. Log: {places.log}", flush=True)
    _stop_on_signals(server)
    await server.wait()
    await server.stop()
    return 0


def _stop_on_signals(server: Server) -> None:
    loop = asyncio.get_running_loop()
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, server.stop_soon)
        except NotImplementedError:
            # Windows; its loop is woken by the call itself
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(server.stop_soon))
