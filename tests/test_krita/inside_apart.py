"""Runs inside Krita: a flat layer is taken apart into a group of transparent ones, by a tiny model of random weights."""

from __future__ import annotations

import os
import signal

import painter
from inside_painting import AREA, SIZE, styled
from painter import at_rest, click, layers, opened, outside, paint, part, pixels, select, triggered, write

LAYERS = 3


def check_the_docker_starts_the_backend(t):
    yield from painter.ready()


def check_only_a_style_that_makes_layers_asks_how_many(t):
    document = yield from opened(SIZE, SIZE)
    yield from at_rest(document)
    assert not part("scumbleLayers").isVisible()
    yield from styled("Apart")
    yield lambda: part("scumbleLayers").isVisible()
    assert part("scumbleLayers").maximum() == 10
    assert part("scumbleGenerate").text() == "Take apart"
    yield from styled("Slow")
    yield lambda: not part("scumbleLayers").isVisible()
    assert part("scumbleGenerate").text() == "Generate"
    # as every check here leaves it: see `taking_apart`
    yield from styled("Apart")


def taking_apart(style, count=LAYERS):
    """Choose such a style and a number of layers, once the docker has seen that a new document is in front.

    It looks every quarter of a second; until then it shows the style of the document before, which makes layers, too.
    """
    yield lambda: not part("scumbleLayers").isVisible()
    yield from styled(style)
    yield lambda: part("scumbleLayers").isVisible()
    part("scumbleLayers").setValue(count)


def activated(document, node):
    """Make a node the active one, once Krita has heard of the newest."""
    if document.activeNode() == node:
        return True
    document.setActiveNode(node)
    return False


def prepared(depth="U8", style="Apart"):
    """A painting with a selection, and the layers that it is to be taken apart into; a layer of the painter's own is on top."""
    document = yield from opened(SIZE, SIZE, depth)
    background = document.activeNode()
    document.rootNode().addChildNode(document.createNode("Mine", "paintlayer"), None)
    # a new layer becomes the active one, up to 5.2 only after events
    yield lambda: document.activeNode() != background
    yield lambda: activated(document, background)
    yield from at_rest(document)
    yield from paint(document)
    select(document, *AREA)
    yield from taking_apart(style)
    return document


def group_of(document):
    (found,) = [node for node in document.rootNode().childNodes() if node.type() == "grouplayer"]
    return found


def bits(document):
    return [bytes(child.pixelData(*AREA)) for child in group_of(document).childNodes()]


def alphas(document, depth):
    size = painter.PIXEL_BYTES[depth]
    return [data[size - 1 :: size] for data in bits(document)]


def taken_apart(depth):
    document = yield from prepared(depth)
    active, before = document.activeNode(), pixels(document)
    write("scumblePrompt", "a hill")
    click("scumbleGenerate")
    yield lambda: "a hill" in layers(document), painter.PAINTING_SECONDS
    yield from at_rest(document)
    assert layers(document) == ["Background", "a hill", "Mine"]
    yield lambda: document.activeNode() == active
    group = group_of(document)
    assert [child.name() for child in group.childNodes()] == ["Layer 1", "Layer 2", "Layer 3"]
    assert {child.type() for child in group.childNodes()} == {"paintlayer"}
    made, after = bits(document), pixels(document)
    assert len(set(made)) == LAYERS, "no two are alike"
    assert all(min(alpha) < 255 for alpha in alphas(document, depth)), "each is transparent somewhere"
    x, y, width, height = AREA
    for child in group.childNodes():
        bounds = child.bounds()
        assert bounds.x() >= x
        assert bounds.y() >= y
        assert bounds.right() < x + width
        assert bounds.bottom() < y + height
    assert pixels(document, *AREA) != bytes(active.pixelData(*AREA)), "it is to be seen"
    assert outside(document, after, *AREA) == outside(document, before, *AREA)
    assert bytes(active.pixelData(0, 0, SIZE, SIZE)) == before, "the flat layer stays as it was"
    yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background", "Mine"]
    yield from at_rest(document)
    assert pixels(document) == before
    yield from triggered(document, "edit_redo")
    yield lambda: layers(document) == ["Background", "a hill", "Mine"]
    yield from at_rest(document)
    assert bits(document) == made
    assert pixels(document) == after
    yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background", "Mine"]
    # the next steps are the painter's own, selecting being one since 5.3: the group was a single one
    for _ in range(1 if painter.app.version().startswith(("5.1", "5.2")) else 2):
        yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background"]


def check_a_flat_layer_becomes_one_group_and_one_undo_step_in_8_bit(t):
    yield from taken_apart("U8")


def check_a_flat_layer_becomes_one_group_and_one_undo_step_in_16_bit(t):
    yield from taken_apart("U16")


def check_without_words_and_selection_the_whole_canvas_is_taken_apart(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    yield from taking_apart("Apart", 2)
    click("scumbleGenerate")
    yield lambda: len(layers(document)) == 2, painter.PAINTING_SECONDS
    yield from at_rest(document)
    assert [child.name() for child in group_of(document).childNodes()] == ["Layer 1", "Layer 2"]
    assert group_of(document).childNodes()[0].bounds().width() == SIZE


def check_of_several_the_chosen_one_becomes_a_group(t):
    document = yield from prepared()
    write("scumblePrompt", "a lake")
    painter.unfold()
    part("scumbleCount").setValue(2)
    click("scumbleGenerate")
    offers = part("scumbleOffers")
    yield lambda: offers.isVisible() and offers.count() == 2, painter.PAINTING_SECONDS
    assert layers(document) == ["Background", "Mine"]
    offers.setCurrentRow(1)
    yield lambda: part("scumbleApply").isEnabled()
    painter.scroll_to("scumbleApply")
    click("scumbleApply")
    yield lambda: layers(document) == ["Background", "a lake", "Mine"]
    assert len(group_of(document).childNodes()) == LAYERS
    painter.scroll_to("scumbleDiscardAll")
    click("scumbleDiscardAll")
    yield lambda: offers.count() == 0


def check_cancelled_it_leaves_nothing(t):
    document = yield from prepared(style="Apart slowly")
    before = pixels(document)
    write("scumblePrompt", "a hill")
    click("scumbleGenerate")
    yield lambda: painter.progress() > 0, painter.PAINTING_SECONDS
    yield painter.preview, 60
    click("scumbleCancel")
    yield lambda: painter.status() == "Ready", 30
    assert layers(document) == ["Background", "Mine"]
    assert pixels(document) == before
    assert painter.notice() == ""


def check_a_killed_worker_takes_it_apart_once_more(t):
    document = yield from prepared(style="Apart slowly")
    write("scumblePrompt", "a hill")
    click("scumbleGenerate")
    yield lambda: painter.progress() > 0, painter.PAINTING_SECONDS
    yield painter.preview, 60
    os.kill(painter.worker(), signal.SIGKILL)
    yield lambda: "painted anew" in painter.notice(), painter.PAINTING_SECONDS
    assert layers(document) == ["Background", "a hill", "Mine"]
    assert len(group_of(document).childNodes()) == LAYERS
    click("scumbleNoticeDismiss")
