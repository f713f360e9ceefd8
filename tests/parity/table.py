"""Prints docs/families.md: what our loop makes of each tiny model, beside diffusers' own pipelines.

::

    python tests/parity/table.py > docs/families.md
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

TESTS = Path(__file__).resolve().parents[1]

HEAD = """# Families

Every family runs through the same denoise loop; its adapter says how it is loaded, encoded, asked and decoded. This page is
printed by `python tests/parity/table.py`, which paints with tiny models of random weights: of every family's own architecture,
on a processor, in fp32. `make test` holds the same.

The figures are the greatest difference of any channel of any pixel, from 0 to 1, between our picture and that of diffusers' own
pipeline for the same seed, steps and guidance; 0.0001 passes. A dash: diffusers has no pipeline for it, or one by another
method. *Masks* says whether, to the bit, a black mask leaves the original, a white one changes nothing, and a soft one
keeps each latent for just the steps that its value says; *shown* is a model that is shown the mask and keeps to it itself.

Where diffusers 0.42.1 has a known fault that our adapter does not share, the pipeline is put right before it is compared: Chroma's
attention mask, and where pictures stand for the text encoders of the Qwen-Image-Edit and LongCat-Image pipelines. `tests/parity`
says how. Qwen-Image-Layered is compared by its layers.

| model | new | two at once | without guidance | refined | filled | masks |
|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Measure every case, and print the page."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    import torch

    torch.set_num_threads(1)
    from parity.cases import CASES

    print(HEAD, end="")
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for case in CASES:
            print(row(case, Path(folder) / case.title), flush=True)


def row(case, folder: Path) -> str:
    """One line of the table."""
    from parity import masks, measures
    from parity.case import load_both, smaller

    if not folder.exists():
        builder(case.tiny)(folder)
    with sized(case, smaller):
        both = load_both(case, folder)
        figures = [
            measures.text_to_image(both),
            measures.text_to_image(both, seeds=(11, 12)),
            measures.text_to_image(both, guidance=1.0),
            measures.image_to_image(both) if case.image_to_image else None,
            measures.refined_fill(both) if both.adapter.takes_mask else measures.fill(both) if case.fill else None,
        ]
        if both.adapter.takes_mask:
            kept = "shown"
        else:
            wrong = sum(
                count(both, strength)
                for count in (masks.white_is_not_none, masks.black_is_not_kept, masks.soft_is_not_timed)
                for strength in (0.6, 1.0)
            )
            kept = "exact" if wrong == 0 else f"{wrong} latents off"
    told = ["-" if figure is None else "0" if figure == 0 else f"{figure:.0e}" for figure in figures]
    return f"| {case.title} | {' | '.join(told)} | {kept} |"


def sized(case, smaller) -> contextlib.AbstractContextManager[object]:
    """While a case is measured, the size that its pipelines choose by themselves is a small one."""
    if not case.sized_by:
        return contextlib.nullcontext()
    module = importlib.import_module(case.sized_by)
    return mock.patch.object(module, "calculate_dimensions", smaller(module.calculate_dimensions))


def builder(name: str) -> Callable[[Path], None]:
    """The function in tiny_models that writes the model of that name."""
    for path in sorted((TESTS / "tiny_models").glob("*.py")):
        found = getattr(importlib.import_module(f"tiny_models.{path.stem}"), f"save_tiny_{name}", None)
        if found is not None:
            return found
    raise LookupError(f"no tiny model is called {name}")


if __name__ == "__main__":
    main()
