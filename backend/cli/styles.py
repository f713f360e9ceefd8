"""The preset behind `--style`, and `scumble styles`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backend.cli.ask import ask
from backend.cli.problem import bad_input, unusable
from backend.cli.reach import running_or_started
from backend.places import Places
from backend.styles import SUFFIX, UnusablePreset, read_preset
from protocol import ListStyles, Style, Styles


def load_style(name: str, folder: Path) -> Style:
    """Return the style of that name in `folder`, or in the file at that path when it ends in .toml.

    Raises Problem when there is none, or it is broken.
    """
    path = Path(name) if name.endswith(SUFFIX) else folder / f"{name}{SUFFIX}"
    if not name.endswith(SUFFIX) and Path(name).name != name:
        raise bad_input("bad_style", f"{name!r} is no style's name.", f"Give a name, or a path that ends in {SUFFIX}.")
    try:
        return read_preset(path)
    except OSError as error:
        known = ", ".join(sorted(found.stem for found in folder.glob(f"*{SUFFIX}"))) or "none yet"
        raise bad_input(
            "no_style", f"There is no style at {path} ({error.strerror}).", f"Styles in {folder}: {known}."
        ) from error
    except UnusablePreset as error:
        raise unusable(error.failure) from error


def styles(arguments: argparse.Namespace, places: Places) -> int:
    """List what the backend offers to choose from; the first one is the default. Broken presets are told below."""
    del arguments
    console = Console(highlight=False)
    answer = ask(running_or_started(places, lambda text: print(text, file=sys.stderr)), ListStyles(), Styles)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("style", "model", "sampler", "steps", "guidance"):
        table.add_column(column, overflow="fold")
    for style in answer.styles:
        numbers = ("" if value is None else f"{value:g}" for value in (style.steps, style.guidance))
        # what a painter has named may look like markup
        table.add_row(*(escape(text) for text in (style.name, style.model, style.sampler, *numbers)))
    console.print(table)
    for problem in answer.problems:
        console.print(f"\n{problem.happened} {problem.remedy}", markup=False, soft_wrap=True)
    print(f"\nMore styles: put {SUFFIX} files into {answer.folder}")
    return 0
