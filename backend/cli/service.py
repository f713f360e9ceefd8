"""`scumble serve`, `stop`, `status` and `models`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

import psutil
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backend.cli.ask import NO_ANSWER, ask
from backend.cli.problem import Problem
from backend.cli.reach import find, running_only, running_or_started
from backend.places import Places
from backend.server import Found, discovery
from protocol import Failure, GetStatus, Goodbye, ListModels, Models, Shutdown, Status, carriable

STOP_SECONDS = 15.0
"""Until a stopped backend must be gone: its worker ends within a step, or is ended."""

LOOK_SECONDS = 0.05
"""Between two looks whether it is gone."""


def serve(arguments: argparse.Namespace, places: Places) -> int:
    """Run the backend until it is stopped."""
    # only here: the other commands need neither the server's sockets nor its log
    from backend.executors import LocalProcess
    from backend.models import Library
    from backend.server import serve as run_server

    return run_server(
        places,
        port=arguments.port,
        idle_seconds=arguments.idle,
        executor=LocalProcess(models=places.models, log=places.worker_log, loras=places.loras),
        library=Library(places.models, loras=places.loras),
    )


def stop(arguments: argparse.Namespace, places: Places) -> int:
    """Stop the backend, and wait until it is gone. By force one that does not answer is ended, too."""
    found = discovery.read(places)
    if found is None:
        print("No backend is running.")
        return 0
    try:
        ask(running_only(places), Shutdown(arguments.force), Goodbye)
    except Problem as problem:
        if not (arguments.force and problem.failure.code == NO_ANSWER):
            raise
        _end(found)
    deadline = time.monotonic() + STOP_SECONDS
    while discovery.lives(found):
        if time.monotonic() > deadline:
            look = carriable(f"Look at its log {places.log}.")
            raise Problem(Failure("not_stopped", "The backend says goodbye but is still there.", look))
        time.sleep(LOOK_SECONDS)
    print("Stopped.")
    return 0


def _end(found: Found) -> None:
    """End a backend that does not answer; `discovery` has made sure that the process is still the one that wrote it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(found.process).kill()


def status(arguments: argparse.Namespace, places: Places) -> int:
    """Say what the backend does. Exit code 1 when none runs."""
    del arguments
    if find(places) is None:
        print("No backend is running. 'scumble serve' starts one, and 'scumble fill' does so by itself.")
        return 1
    answer = ask(running_only(places), GetStatus(), Status)
    rows = (
        ("Backend", f"{answer.server}, process {answer.process}, up for {duration(answer.uptime)}"),
        ("Worker", answer.worker + (f", on {answer.device.name}" if answer.device else "")),
        ("Jobs", f"{answer.running} running, {answer.queued} waiting"),
        ("Programs", f"{answer.clients - 1} connected besides this one"),
        ("Kept results", f"{answer.spooled} not fetched yet"),
        ("Log", answer.log),
    )
    for name, value in rows:
        print(f"{name:13} {value}")
    return 0


def models(arguments: argparse.Namespace, places: Places) -> int:
    """List the models that the backend finds; the first one that can be used is the default."""
    del arguments
    console = Console(highlight=False)
    answer = ask(running_or_started(places, lambda text: print(text, file=sys.stderr)), ListModels(), Models)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "model", "family", "paints best at", "samplers"):
        table.add_column(column, overflow="fold")
    for model in answer.models:
        if not model.problem:
            kind = model.family if model.variant == "base" else f"{model.family}, {model.variant}"
            cells = (model.id, model.name, kind, f"{model.native} px", ", ".join(model.samplers))
            # what a painter has named may look like markup
            table.add_row(*map(escape, cells))
    console.print(table)
    for model in answer.models:
        if model.problem:
            console.print(f"\n{model.name} cannot be used: {model.problem}", markup=False, soft_wrap=True)
    print(f"\nMore models: put folders in diffusers layout, or single safetensors files, into {places.models}")
    return 0


def duration(seconds: float) -> str:
    """Return a span of time in words."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
