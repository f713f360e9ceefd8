"""Styles: presets in TOML files. A name stands for a file in the user's styles folder.

::

    name = "Flat icons"
    model = "starter"
    sampler = "ddim"
    steps = 20
    guidance = 4.0
    template = "{prompt} on a white background"
    negative = ""
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import tomllib

from backend.cli.problem import bad_input
from protocol import DecodeError, Style, from_plain

SUFFIX = ".toml"

MAX_STYLE_BYTES = 64 * 1024
"""A style is a handful of lines; a larger file is something else."""

_REMEDY = "Mend the file, or leave --style out."


def load_style(name: str, folder: Path) -> Style:
    """Return the style of that name in `folder`, or in the file at that path when it ends in .toml.

    Raises Problem when there is none, or when it holds anything that no style has: a mistyped key must not be ignored.
    """
    path = Path(name) if name.endswith(SUFFIX) else folder / f"{name}{SUFFIX}"
    if not name.endswith(SUFFIX) and Path(name).name != name:
        raise bad_input("bad_style", f"{name!r} is no style's name.", f"Give a name, or a path that ends in {SUFFIX}.")
    try:
        with path.open("rb") as file:
            text = file.read(MAX_STYLE_BYTES + 1)
    except OSError as error:
        known = ", ".join(sorted(found.stem for found in folder.glob(f"*{SUFFIX}"))) or "none yet"
        raise bad_input(
            "no_style", f"There is no style at {path} ({error.strerror}).", f"Styles in {folder}: {known}."
        ) from error
    if len(text) > MAX_STYLE_BYTES:
        raise bad_input("bad_style", f"{path} is larger than {MAX_STYLE_BYTES // 1024} KiB.", _REMEDY)
    return parse_style(text, path)


def parse_style(text: bytes, path: Path) -> Style:
    """Return the style in a TOML text; `path` is for messages and the default name."""
    try:
        plain = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise bad_input("bad_style", f"{path} is no TOML: {error}.", _REMEDY) from error
    fields = {field.name for field in dataclasses.fields(Style)}
    if unknown := sorted(set(plain) - fields):
        raise bad_input(
            "bad_style",
            f"{path} has the unknown key {unknown[0]!r}.",
            f"A style may have: {', '.join(sorted(fields))}.",
        )
    try:
        return from_plain(Style, {"name": path.stem, **plain}, "style")
    except DecodeError as error:
        raise bad_input("bad_style", f"{path}: {error}.", _REMEDY) from error
