"""`scumble install-plugin` and `uninstall-plugin`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Final

import psutil

from backend.cli.problem import Problem
from backend.places import HOME_VARIABLE, Places
from backend.plugin import (
    CannotInstall,
    KritaFolders,
    find_kritas,
    install,
    link,
    read_bundle,
    remove_record,
    shipped_zip,
    uninstall,
    write_record,
)
from protocol import Failure, carriable

KRITA_NAMES: Final = frozenset({"krita", "krita.exe", "krita.com", "krita.bin", "krita-bin"})
"""What Krita's process is called on the three systems."""

PROCESS_NAME_CHARS: Final = 15
"""Linux keeps no more of a process's name; an AppImage's own file may be called anything, its process is krita all the same."""


def install_plugin(arguments: argparse.Namespace, places: Places) -> int:
    """Put the plugin into Krita, or only write it as a zip."""
    try:
        if arguments.zip is not None:
            return _write_zip(arguments.zip)
        return _install(arguments, places)
    except CannotInstall as problem:
        raise Problem(problem.failure) from problem


def uninstall_plugin(arguments: argparse.Namespace, places: Places) -> int:
    """Take the plugin out of Krita. Exit code 0 also where there was none."""
    try:
        stayed: list[Path] = []
        for krita in find_kritas(arguments.krita_resources):
            stayed += uninstall(krita)
        # another Krita's plugin may still want to know
        if arguments.krita_resources is None:
            remove_record(places)
    except CannotInstall as problem:
        raise Problem(problem.failure) from problem
    print("The plugin is not in Krita any more.")
    for path in stayed:
        print(f"Not Scumble's, and left where it is: {path}")
    if krita_runs():
        print("Krita is running, and keeps the plugin until it is closed.")
    print(f"Models, styles and results stay; they are in {places.data}, and 'scumble doctor' names the other folders.")
    return 0


def krita_runs() -> bool:
    """Whether a Krita of this user runs."""
    try:
        user = psutil.Process().username()
    except psutil.Error:
        return False
    for process in psutil.process_iter(["name", "username"]):
        name = (process.info["name"] or "").lower()[:PROCESS_NAME_CHARS]
        if name in KRITA_NAMES and process.info["username"] == user:
            return True
    return False


def _write_zip(path: Path) -> int:
    try:
        path.write_bytes(shipped_zip())
    except OSError as error:
        raise Problem(
            Failure(
                "not_written",
                f"{carriable(str(path))} cannot be written: {error.strerror or error}.",
                "Name another file.",
            )
        ) from error
    print(f"The plugin is in {path}.")
    print("In Krita: Tools > Scripts > Import Python Plugin from File, choose it, and restart Krita.")
    print("So that the plugin can start the backend by itself, run 'scumble install-plugin' instead.")
    return 0


def _install(arguments: argparse.Namespace, places: Places) -> int:
    # first: a backend that Krita could not start is no use there
    write_record(places)
    bundle = None if arguments.link else read_bundle()
    kritas = find_kritas(arguments.krita_resources)
    for krita in kritas:
        if bundle is None:
            link(krita)
        else:
            install(krita, bundle)
        print(f"The plugin is {'linked' if bundle is None else 'copied'} into {krita.resources}, and switched on.")
    _tell_what_next(kritas)
    return 0


def _tell_what_next(kritas: list[KritaFolders]) -> None:
    for krita in kritas:
        if krita.sandbox:
            print(
                f"The Krita in a {krita.sandbox} is shut off from other programs, and may not reach the backend. "
                "If its docker says so, use Krita's AppImage or your system's package."
            )
    if os.environ.get(HOME_VARIABLE):
        print(f"{HOME_VARIABLE} is set here: set it for Krita too, or it looks for the backend elsewhere.")
    if krita_runs():
        print("Krita is running. Close it, then run this command once more: Krita may have undone the switch by then.")
    else:
        print("Start Krita: the docker Scumble is there, else under Settings > Dockers.")
