"""Styles: the painter's presets in TOML files, and what there is to choose from. One reading for the server and the command line.

::

    name = "Flat icons"
    model = "starter"
    sampler = "ddim"
    steps = 20
    guidance = 4.0
    template = "{prompt} on a white background"
    negative = ""
    clip_skip = 2
    rescale = 0.7
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import tomllib

from protocol import (
    MAX_NAME_CHARS,
    MAX_PATH_CHARS,
    DecodeError,
    Failure,
    ModelInfo,
    Style,
    Styles,
    carriable,
    encode_message,
    from_plain,
)

SUFFIX: Final = ".toml"

MAX_STYLE_BYTES: Final = 64 * 1024
"""A style is a handful of lines; a larger file is something else."""

MAX_PRESETS: Final = 256
"""Presets in one list: with as many models it is as long as the contract allows."""

MAX_PRESETS_BYTES: Final = 512 * 1024
"""Of the presets in one list, as they travel: half of a message, the models' names take at most a quarter."""

MAX_LOOKED_AT: Final = 10_000
"""Names that are read of the folder, should it be a wrong one."""

_NUMBERED_CHARS: Final = MAX_NAME_CHARS - 8
"""Of a name, where a number is put behind it."""

_MEND: Final = "Mend the file, or remove it."


class UnusablePreset(Exception):
    """A file that is no style; `failure` tells the painter why."""

    def __init__(self, happened: str, remedy: str = _MEND) -> None:
        super().__init__(f"{happened} {remedy}")
        self.failure = Failure("bad_style", happened, remedy)


def read_preset(path: Path) -> Style:
    """Return the style in a TOML file, named after the file where it gives no name.

    Raises OSError when the file cannot be read, and UnusablePreset when it holds anything that no style has: a mistyped key
    must not be ignored.
    """
    shown = carriable(path.name)
    try:
        # Windows' editor begins a file with a mark that TOML does not know
        plain = tomllib.loads(_read(path).decode("utf-8-sig"))
    except RecursionError:
        raise UnusablePreset(f"The style {shown} is no style: it is nested too deeply.") from None
    except ValueError as error:
        raise UnusablePreset(f"The style {shown} is no TOML: {error}.") from error
    fields = {field.name for field in dataclasses.fields(Style)}
    if unknown := sorted(set(plain) - fields):
        raise UnusablePreset(
            f"The style {shown} has the unknown key {unknown[0][:MAX_NAME_CHARS]!r}.",
            f"A style may have: {', '.join(sorted(fields))}.",
        )
    try:
        style = from_plain(Style, plain, "style")
        return style if style.name else dataclasses.replace(style, name=carriable(path.stem))
    except (DecodeError, ValueError) as error:
        raise UnusablePreset(f"The style {shown} cannot be used: {error}.") from error


def offer(folder: Path, models: Iterable[ModelInfo]) -> Styles:
    """Return what there is to choose from now, as the contract's `styles` tells it.

    Reads every preset in `folder`; what cannot be used, since the file or the model is broken, is told among the problems.
    """
    known = {model.id: model for model in models}
    presets, problems = _presets(folder, known)
    usable = [Style(model.name or model.id, model=model.id) for model in known.values() if not model.problem]
    named = {style.model for style in presets}
    rest = [style for style in usable[1:] if style.model not in named]
    # presets keep their names: the painter gave them
    taken = {style.name for style in presets}
    first = [_with_own_name(style, taken) for style in usable[:1]]
    last = [_with_own_name(style, taken) for style in rest]
    by_name = sorted(presets, key=lambda style: (style.name.casefold(), style.name))
    return Styles((*first, *by_name, *last), carriable(str(folder))[:MAX_PATH_CHARS], tuple(problems))


def _presets(folder: Path, models: dict[str, ModelInfo]) -> tuple[list[Style], list[Failure]]:
    """Read what lies in the folder, up to what one list can hold."""
    styles: dict[str, Style] = {}
    problems: list[Failure] = []
    room = MAX_PRESETS_BYTES
    for count, path in enumerate(_files(folder)):
        try:
            style = read_preset(path)
            found = _misfit(style, path, models, styles)
        except UnusablePreset as error:
            found = error.failure
        except OSError as error:
            found = _failure("bad_style", path, f"cannot be read: {error.strerror or error}", _MEND)
        told = Styles((), problems=(found,)) if found is not None else Styles((style,))
        room -= len(encode_message(told).encode("utf-8"))
        if count >= MAX_PRESETS or room < 0:
            problems.append(_too_many(folder))
            break
        if found is not None:
            problems.append(found)
        else:
            styles[style.name] = style
    return list(styles.values()), problems


def _misfit(style: Style, path: Path, models: dict[str, ModelInfo], before: dict[str, Style]) -> Failure | None:
    """Return why a preset cannot be offered beside the models that are there and the presets before it."""
    if style.name in before:
        return _failure(
            "bad_style", path, f"has the same name as another one: {style.name}", "Give one of them another name."
        )
    if not style.model:
        return None
    model = models.get(style.model)
    if model is None:
        return _failure(
            "unknown_model",
            path,
            f"names a model that is not there: {style.model!r}",
            "'scumble models' lists the ids of those there are.",
        )
    if model.problem:
        return _failure("unusable_model", path, f"names the model {model.name}, which cannot be used", model.problem)
    if style.sampler and style.sampler not in model.samplers:
        known = ", ".join(model.samplers)
        return _failure(
            "unknown_sampler", path, f"names a sampler that its model has not: {style.sampler!r}", f"It has: {known}."
        )
    return None


def _with_own_name(style: Style, taken: set[str]) -> Style:
    """Return the style of a model under a name that is not taken yet, and take it."""
    name, number = style.name, 1
    while name in taken:
        number += 1
        name = f"{style.name[:_NUMBERED_CHARS]} ({number})"
    taken.add(name)
    return dataclasses.replace(style, name=name)


def _files(folder: Path) -> Iterator[Path]:
    try:
        found = list(islice(folder.iterdir(), MAX_LOOKED_AT))
    except OSError:
        # there is no such folder before somebody makes it
        return
    yield from sorted(path for path in found if path.suffix == SUFFIX and not path.name.startswith("."))


def _read(path: Path) -> bytes:
    # a pipe in its place must not make anybody wait
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UnusablePreset(f"The style {carriable(path.name)} is no file.")
        content = file.read(MAX_STYLE_BYTES + 1)
    if len(content) > MAX_STYLE_BYTES:
        raise UnusablePreset(f"The style {carriable(path.name)} is larger than {MAX_STYLE_BYTES // 1024} KiB.")
    return content


def _failure(code: str, path: Path, what: str, remedy: str) -> Failure:
    return Failure(code, f"The style {carriable(path.name)} {what}.", remedy)


def _too_many(folder: Path) -> Failure:
    return Failure(
        "too_many_styles",
        f"There are more styles in {carriable(str(folder))} than can be listed.",
        f"Keep at most {MAX_PRESETS} there, and their texts short.",
    )
