"""`scumble fill` and `scumble generate`: from files to a job, and from its result to files."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import secrets
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from rich.console import Console

from backend.cli.inputs import attach, open_canvas, open_selection, show
from backend.cli.outputs import Previews, check_output, files_of, open_previews, write_or_rescue
from backend.cli.problem import Problem, bad_input
from backend.cli.progress import JobDisplay
from backend.cli.reach import running_or_started
from backend.cli.run_job import run_job
from backend.cli.styles import load_style
from backend.pixels import files, raw
from backend.places import Places
from protocol import Bounds, Extent, Job, ModelInfo, PreviewPicture, Result, Style, context_bounds

RANDOM_SEED_BITS = 32
"""Seeds that are drawn here: short enough to read aloud and type again."""

Made = tuple[Job, Mapping[str, bytes]]
Write = Callable[[raw.Pixels, Bounds, int, Path], list[str]]
"""Puts a result layer, its bounds in the job and its seed into a file; returns remarks for the painter."""


def fill(arguments: argparse.Namespace, places: Places) -> int:
    """Paint into a part of a picture, or over all of it. Raises Problem."""
    canvas = open_canvas(arguments.picture)
    selection = open_selection(arguments.mask, canvas) if arguments.mask else None
    style = _style(arguments, places)
    # a layer is laid over nothing, and the result over the picture
    beneath = canvas.cleared() if arguments.layers else canvas
    remarks = check_output(arguments.output, beneath)
    previews = open_previews(arguments.preview_dir)
    job, shown = show(
        _job(arguments, style, canvas.extent, "u16" if canvas.depth == "u16" else "u8"), arguments.reference
    )
    crop = Bounds.of(canvas.extent)

    def make_job(models: tuple[ModelInfo, ...]) -> Made:
        nonlocal crop
        model = _model(models, style)
        if selection is not None:
            crop = context_bounds(canvas.extent, selection.bounds, model.context)
        elif arguments.strength == 1 and model.variant != "edit" and not arguments.layers:
            return job, shown
        part = dataclasses.replace(job, extent=crop.extent)
        made, attachments = attach(part, canvas, selection, crop, arguments.strength)
        return dataclasses.replace(made, layers=arguments.layers), {**shown, **attachments}

    def write(layer: raw.Pixels, bounds: Bounds, seed: int, path: Path) -> list[str]:
        del seed
        return files.save_with(beneath, beneath.with_layer(layer, bounds.moved(crop.x, crop.y)), path)

    return _paint(arguments, places, make_job, write, previews, (*canvas.remarks, *remarks))


def generate(arguments: argparse.Namespace, places: Places) -> int:
    """Paint a new picture. Raises Problem."""
    style = _style(arguments, places)
    remarks = check_output(arguments.output)
    previews = open_previews(arguments.preview_dir)
    width, height = arguments.width or arguments.height, arguments.height or arguments.width
    job, shown = show(_job(arguments, style, Extent(width or 1, height or 1), "u8"), arguments.reference)

    def make_job(models: tuple[ModelInfo, ...]) -> Made:
        native = _model(models, style).native
        return (job if width else dataclasses.replace(job, extent=Extent(native, native))), shown

    def write(layer: raw.Pixels, bounds: Bounds, seed: int, path: Path) -> list[str]:
        del bounds
        recipe = {"prompt": arguments.prompt, "negative": arguments.negative, "seed": str(seed), "software": "Scumble"}
        return files.save_new(layer[..., :3], path, recipe)

    return _paint(arguments, places, make_job, write, previews, tuple(remarks))


def _paint(
    arguments: argparse.Namespace,
    places: Places,
    make_job: Callable[[tuple[ModelInfo, ...]], Made],
    write: Write,
    previews: Previews,
    remarks: tuple[str, ...],
) -> int:
    """Run the job and write its pictures; the terminal shows how it goes, standard output names what was written."""
    console = Console(stderr=True)
    written: list[str] = []
    with JobDisplay(console) as display:
        for remark in remarks:
            display.say(remark)

        def keep(result: Result) -> None:
            for note in result.done.notes:
                display.say(note)
            for picture, raster, path in files_of(result.done.pictures, arguments.output):
                layer = raw.unpack(raster, result.contents[raster.content])
                path, more = write_or_rescue(partial(write, layer, picture.bounds, picture.seed), path)
                for remark in more:
                    if remark not in remarks:
                        display.say(remark)
                written.append(f"{path}  seed {picture.seed}")

        def keep_preview(preview: PreviewPicture) -> None:
            remark = previews.keep(preview)
            if remark:
                display.say(remark)

        asyncio.run(run_job(running_or_started(places, display.say), make_job, keep, display, keep_preview))
    for line in written:
        print(line)
    return 0


def _style(arguments: argparse.Namespace, places: Places) -> Style:
    """Return the style that was named, with what was given beside it put on top."""
    style = load_style(arguments.style, places.styles) if arguments.style else Style()
    given = {name: getattr(arguments, name) for name in ("model", "sampler", "steps", "guidance")}
    try:
        return dataclasses.replace(style, **{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        raise _nonsense(error) from error


def _model(models: tuple[ModelInfo, ...], style: Style) -> ModelInfo:
    """Return the model that the style names, or the default: the first that can be used."""
    usable = [model for model in models if not model.problem]
    chosen = (
        next((model for model in models if model.id == style.model), None) if style.model else next(iter(usable), None)
    )
    if chosen is None:
        ids = ", ".join(model.id for model in usable) or "none"
        what = f"There is no model {style.model!r}." if style.model else "There is no model that can be used."
        raise bad_input("no_model", what, f"These can be used: {ids}. 'scumble models' tells more.")
    if chosen.problem:
        raise bad_input("bad_model", f"The model {chosen.name} cannot be used.", chosen.problem)
    return chosen


def _job(arguments: argparse.Namespace, style: Style, extent: Extent, depth: Literal["u8", "u16"]) -> Job:
    """Return the job without its pictures."""
    try:
        return Job(
            id=uuid.uuid4().hex,
            extent=extent,
            prompt=arguments.prompt,
            negative=arguments.negative,
            seed=secrets.randbits(RANDOM_SEED_BITS) if arguments.seed is None else arguments.seed,
            count=arguments.count,
            style=style,
            grow=getattr(arguments, "grow", None),
            feather=getattr(arguments, "feather", None),
            depth=depth,
            previews=arguments.preview_dir is not None,
        )
    except ValueError as error:
        raise _nonsense(error) from error


def _nonsense(error: ValueError) -> Problem:
    """Return the problem of a value that no job or style can have."""
    return bad_input("bad_job", f"This cannot be painted: {error}.", "Change that, and try again.")
