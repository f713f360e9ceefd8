"""`scumble doctor`: look at everything Scumble needs, and say what to do where something is missing."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from backend import __version__
from backend.cli.ask import ask
from backend.cli.problem import Problem
from backend.cli.reach import find, running_only
from backend.client import Address
from backend.models import Library
from backend.places import Places
from backend.plugin import Installed, find_installed, find_kritas, recorded_python, this_python
from protocol import GetStatus, Status

Grade = Literal["ok", "remark", "error"]

_MARKS: dict[Grade, str] = {"ok": "ok", "remark": "--", "error": "!!"}

DEVICE_SECONDS = 60.0
"""To import torch and look at the devices: about two seconds, many more from a cold disk."""

LEAST_MEMORY = 2 * 1024**3
"""Bytes of free memory below which the embedded model and the worker (about half a GiB) leave little for a picture."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. An error keeps Scumble from painting; a remark does not."""

    what: str
    grade: Grade
    found: str
    remedy: str = ""


def doctor(arguments: argparse.Namespace, places: Places) -> int:
    """Print what was found. Exit code 1 when something keeps Scumble from painting."""
    del arguments
    failed = False
    for finding in examine(places):
        failed = failed or finding.grade == "error"
        print(f"[{_MARKS[finding.grade]}] {finding.what:8} {finding.found}")
        for line in finding.remedy.splitlines():
            print(f"{'':14}{line}")
    return 1 if failed else 0


def examine(places: Places) -> Iterator[Finding]:
    """Yield what is found, one thing after the other."""
    yield Finding("Scumble", "ok", f"{__version__}, Python {sys.version.split()[0]} at {sys.executable}")
    yield krita()
    yield plugin(places)
    yield device()
    yield memory()
    yield from models(places)
    yield folders(places)
    yield server(places)


def krita() -> Finding:
    """Look for Krita. That it is missing is a remark: the command line paints without it."""
    usual = {
        "win32": "C:/Program Files/Krita (x64)/bin/krita.exe",
        "darwin": "/Applications/krita.app/Contents/MacOS/krita",
    }
    places = [shutil.which("krita"), usual.get(sys.platform)]
    for place in places:
        if place and Path(place).exists():
            return Finding("Krita", "ok", place)
    return Finding(
        "Krita",
        "remark",
        "not found",
        "The command line works without it. To paint in Krita, get it from https://krita.org.",
    )


def plugin(places: Places) -> Finding:
    """Look for Scumble's plugin in the folders of this user's Kritas, and whether it and this backend belong together."""
    kritas = find_kritas()
    installed = [found for krita in kritas if (found := find_installed(krita)) is not None]
    again = "Close Krita, then run 'scumble install-plugin'."
    if not installed:
        return Finding("Plugin", "remark", f"not in {kritas[0].resources}", f"To paint in Krita: {again}")
    found = installed[0]
    text = f"{found.version or 'unknown version'} in {found.folder}"
    if found.source:
        text += f", linked to {found.source}"
    wrong = _wrong_with(found, places)
    return Finding("Plugin", "remark", f"{text}; {wrong}", again) if wrong else Finding("Plugin", "ok", text)


def _wrong_with(plugin: Installed, places: Places) -> str:
    """Return what keeps plugin and backend apart, "" where nothing does."""
    if plugin.version != __version__:
        return f"this backend is {__version__}"
    if not plugin.switched_on:
        return "it is switched off in Krita's settings"
    python = recorded_python(places)
    if python is None:
        return "it does not know where the backend is"
    if python != this_python():
        return f"it starts another backend, that of {python}"
    return ""


def device() -> Finding:
    """Ask torch, in a process of its own, what the models would run on."""
    command = [sys.executable, "-P", "-m", "backend.engine.device"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=DEVICE_SECONDS, check=True)  # noqa: S603
        found = json.loads(answer.stdout)
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no word"])[-1]
        return Finding(
            "Device", "error", f"torch does not load: {last}", "Install Scumble again, with the versions it pins."
        )
    except (subprocess.TimeoutExpired, ValueError, OSError) as error:
        return Finding(
            "Device", "error", f"torch does not answer: {error}", "Install Scumble again, with the versions it pins."
        )
    text = f"{found['name']} ({found['kind']}, {found['memory'] / 1024**3:.1f} GiB)"
    if found["kind"] == "cpu":
        return Finding(
            "Device",
            "remark",
            text,
            "The embedded model is made for that; larger ones want a GPU, and a torch built for it: see https://pytorch.org.",
        )
    return Finding("Device", "ok", text)


def memory() -> Finding:
    """Look at the free memory of the machine."""
    free, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    text = f"{free / 1024**3:.1f} GiB free of {total / 1024**3:.1f}"
    if free < LEAST_MEMORY:
        return Finding(
            "Memory", "remark", text, "That is little. Close other programs before painting with a large model."
        )
    return Finding("Memory", "ok", text)


def models(places: Places) -> Iterator[Finding]:
    """Look at every model that can be found."""
    library = Library(places.models)
    library.scan()
    infos = library.infos()
    usable = [info for info in infos if not info.problem]
    if usable:
        names = ", ".join(info.name for info in usable)
        yield Finding(
            "Models", "ok", names, "" if len(usable) > 1 else f"More go into {places.models}, in diffusers layout."
        )
    else:
        yield Finding(
            "Models", "error", "none that can be used", "Install Scumble again: the embedded model is part of it."
        )
    for info in infos:
        if info.problem:
            yield Finding("Model", "remark", info.name, info.problem)


def folders(places: Places) -> Finding:
    """Say where things lie."""
    rest = (
        ("LoRAs", places.loras),
        ("styles", places.styles),
        ("wildcards", places.wildcards),
        ("kept results", places.spool),
        ("logs", places.logs),
    )
    return Finding(
        "Folders", "ok", f"models in {places.models}", "\n".join(f"{name} in {folder}" for name, folder in rest)
    )


def server(places: Places) -> Finding:
    """Ask the backend how it is. That none runs is no fault."""
    address: Address | None = find(places)
    if address is None:
        return Finding("Server", "ok", f"not running; it starts when needed. Log: {places.log}")
    try:
        answer = ask(running_only(places), GetStatus(), Status)
    except Problem as problem:
        return Finding("Server", "error", problem.failure.happened, problem.failure.remedy)
    return Finding(
        "Server", "ok", f"{answer.server} at {address.host}:{address.port}, worker {answer.worker}. Log: {answer.log}"
    )
