"""`python -m starter.evaluate`: judges an exported model, and writes the table for its card and its contact sheets."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from .data.packages import PackageError
from .data.render import paint
from .data.scenes import Scene
from .judge.classifier import Classifier
from .judge.gate import FIRST_SEED, Measure, Shown, colours, fills, own_textures, pairs, scribbles, shapes, unseen_scene
from .judge.sample import load, paint_prompts
from .judge.sheets import save_sheet
from .settings import Folders, on_processor
from .training.parts import Workshop

NOUNS_JUDGED: Final = 30
"""Nouns in the gate: the first that the model learns."""

OF_OWN: Final = 0.8
"""Share of the classifier's own accuracy on drawings it has not seen, that pictures must reach."""

STRENGTHS: Final = (0.3, 0.5, 0.7)
"""Strengths of refining on the sheet."""


def evaluate(workshop: Workshop) -> list[Measure]:
    """Judge the run's exported model; writes `report.md`, `report.json` and the sheets."""
    folders, judge, atlas = workshop.folders, workshop.judge.to("cpu"), workshop.atlas
    nouns = workshop.words[:NOUNS_JUDGED]
    pipeline = load(folders.model, torch.device("cpu"))
    began = time.monotonic()
    paint_prompts(pipeline, ["a red apple"], [1])
    seconds = time.monotonic() - began
    measures = judge_words(pipeline, workshop, judge, nouns)
    shown = fills(inpainting(pipeline), judge, atlas, nouns)
    measures.append(kept(workshop, "fill: right inside the mask", "fills", shown, 0.8))
    refined(pipeline, workshop, nouns)
    if (folders.model / "controlnet").is_dir():
        drawn, lines, measure = scribbles(controlled(pipeline, folders.model), atlas, nouns)
        pictures = [picture for pair in zip(lines, drawn.pictures, strict=True) for picture in pair]
        captions = [text for prompt in drawn.prompts for text in ("", prompt)]
        save_sheet(pictures, captions, 10, folders.sheets / "scribbles.png")
        measures.append(measure)
    write_report(folders, measures, seconds)
    return measures


def judge_words(pipeline: Any, workshop: Workshop, judge: Classifier, nouns: tuple[str, ...]) -> list[Measure]:  # noqa: ANN401
    """What prompts alone are to bring: nouns, colours, pairs."""
    own = float((workshop.folders.parts / "judge.txt").read_text(encoding="utf-8"))
    shown, differ = shapes(pipeline, judge, nouns)
    measures = [kept(workshop, "shape: noun recognised", "nouns", shown, OF_OWN * own), differ]
    measures.append(kept(workshop, "colour by word", "colours", colours(pipeline, workshop.atlas, nouns), 0.9))
    measures.append(kept(workshop, "pairs: both found, each in its place", "pairs", pairs(pipeline, judge, nouns), 0.6))
    return measures


def kept(workshop: Workshop, name: str, sheet: str, shown: Shown, least: float) -> Measure:
    """The measure of some pictures, after their contact sheet was written."""
    captions = [prompt if right else f"NOT {prompt}" for prompt, right in zip(shown.prompts, shown.right, strict=True)]
    save_sheet(list(shown.pictures), captions, 8, workshop.folders.sheets / f"{sheet}.png")
    measure = Measure(name, shown.share, least, len(shown.right))
    workshop.say(f"{name}: {measure.value:.1%} of {measure.count} (at least {least:.1%})")
    return measure


def inpainting(pipeline: Any) -> Any:  # noqa: ANN401 - untyped library
    """The same parts in diffusers' pipeline for inpainting."""
    from diffusers import StableDiffusionInpaintPipeline

    return quiet(StableDiffusionInpaintPipeline(**pipeline.components, requires_safety_checker=False))


def controlled(pipeline: Any, folder: Path) -> Any:  # noqa: ANN401 - untyped library
    """The same parts in diffusers' pipeline for ControlNets."""
    from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

    control = ControlNetModel.from_pretrained(folder / "controlnet", dtype=torch.float32)
    return quiet(
        StableDiffusionControlNetPipeline(**pipeline.components, controlnet=control, requires_safety_checker=False)
    )


def quiet(pipeline: Any) -> Any:  # noqa: ANN401 - untyped library
    """The pipeline without a progress bar of its own."""
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def refined(pipeline: Any, workshop: Workshop, nouns: tuple[str, ...]) -> None:  # noqa: ANN401
    """A sheet of rendered scenes refined into something else, at each of STRENGTHS."""
    import numpy as np
    from diffusers import StableDiffusionImg2ImgPipeline

    refine = quiet(StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False))
    rng = np.random.default_rng(FIRST_SEED + 3)
    scenes: list[Scene] = [unseen_scene(texture, rng) for texture in own_textures(workshop.atlas, nouns[:8])]
    pictures = paint(workshop.atlas, scenes, 128, rng).cpu()
    prompts = [f"a red {noun} on a white background" for noun in nouns[:8]]
    rows, captions = list(pictures), [scene.caption for scene in scenes]
    for strength in STRENGTHS:
        rows += list(paint_prompts(refine, prompts, range(8), steps=20, image=pictures, strength=strength))
        captions += [f"{strength:g}: {prompt}" for prompt in prompts]
    save_sheet(rows, captions, 8, workshop.folders.sheets / "refine.png")


def write_report(folders: Folders, measures: Sequence[Measure], seconds: float) -> None:
    """The figures as a table in Markdown for the model card, and as JSON."""
    own = float((folders.parts / "judge.txt").read_text(encoding="utf-8"))
    size = sum(path.stat().st_size for path in folders.model.rglob("*") if path.is_file()) / 2**20
    lines = ["| measure | result | at least | pictures | |", "|---|---|---|---|---|"]
    for measure in measures:
        verdict = "passed" if measure.passed else "fell short"
        lines.append(f"| {measure.name} | {measure.value:.1%} | {measure.least:.1%} | {measure.count} | {verdict} |")
    lines += [
        "",
        f"The classifier names {own:.1%} of renders of the sets that it has not seen. The model weighs {size:.1f} MiB.",
        f"One picture took {seconds:.2f} seconds with {torch.get_num_threads()} threads.",
    ]
    folders.sheets.mkdir(parents=True, exist_ok=True)
    (folders.sheets / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    plain = {"own": own, "seconds": seconds, "mebibytes": size, "measures": [asdict(measure) for measure in measures]}
    (folders.sheets / "report.json").write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 if every measure passed, 1 if one fell short or something is missing."""
    parser = argparse.ArgumentParser(prog="python -m starter.evaluate", description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="the folder that `python -m starter.build` was given"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    folders = Folders(options.folder)
    if not folders.model.is_dir():
        print(f"There is no model in {folders.model}. Make it with: python -m starter.build --folder {options.folder}")
        return 1
    try:
        measures = evaluate(Workshop(folders, on_processor(), torch.device("cpu"), print))
    except PackageError as failure:
        print(failure)
        return 1
    print((folders.sheets / "report.md").read_text(encoding="utf-8"))
    return 0 if all(measure.passed for measure in measures) else 1


if __name__ == "__main__":
    sys.exit(main())
