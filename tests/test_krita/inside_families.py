"""Runs inside Krita: models of several families, chosen by their styles in the docker. Their weights are random, their ways are real."""

from __future__ import annotations

import painter
from inside_painting import AREA, SIZE, fills, styled
from painter import at_rest, layers, opened, outside, paint, part, pixels, select


def check_the_docker_starts_the_backend(t):
    yield from painter.ready()


def check_each_family_fills_when_its_style_is_chosen(t):
    """Between two families and back: each fills the selection, and leaves the rest as it was to the bit."""
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    names = []
    for style in ("sd15", "flux", "sd15"):
        yield from styled(style)
        before = pixels(document)
        prompt = f"a red apple, number {len(names)}"
        yield from fills(document, prompt)
        names.append(prompt)
        after = pixels(document)
        # each goes above what is there already over the active layer, which stays the background
        assert layers(document) == ["Background", *names]
        assert after != before
        assert outside(document, after, *AREA) == outside(document, before, *AREA)
    assert part("scumbleStyle").currentText() == "sd15"


def check_an_instruction_changes_the_canvas_that_it_is_about(t):
    """The model is shown what is there: on another canvas the same instruction with the same seed gives another picture."""
    results = []
    for seed in (1, 2):
        document = yield from opened(SIZE, SIZE)
        yield from paint(document, seed)
        yield from styled("flux_kontext")
        painter.unfold()
        part("scumbleRandomSeed").setChecked(False)
        painter.write("scumbleSeed", "7")
        yield from fills(document, "make it blue")
        added = painter.layer(document, "make it blue")
        results.append(bytes(added.pixelData(0, 0, SIZE, SIZE)))
        yield from at_rest(document)
    assert len(results[0]) == SIZE * SIZE * 4
    assert results[0] != results[1]
