"""Runs inside Krita: a painter's whole way with the docker's own widgets and the embedded model."""

from __future__ import annotations

import os
from pathlib import Path

import painter
from painter import app, at_rest, click, layers, opened, outside, paint, part, pixels, select, triggered, write

PICTURES = Path(os.environ["PICTURES"])
AREA = (64, 64, 128, 128)
SIZE = 256


def check_the_docker_starts_the_backend(t):
    yield from painter.ready()
    assert not part("scumbleGenerate").isEnabled(), "there is no document yet"


def fills(document, prompt):
    """Ask for one picture in the selection; yields until it is a layer."""
    before = len(layers(document))
    write("scumblePrompt", prompt)
    click("scumbleGenerate")
    yield lambda: len(layers(document)) == before + 1, painter.PAINTING_SECONDS
    yield from at_rest(document)


def painted_in(depth):
    document = yield from opened(SIZE, SIZE, depth)
    yield from paint(document)
    active, before = document.activeNode(), pixels(document)
    select(document, *AREA, feather=8)
    chosen = pixels_of_selection(document)
    yield from fills(document, "a red apple")
    after = pixels(document)
    assert layers(document) == ["Background", "a red apple"]
    # Krita makes the new layer the active one for a moment
    yield lambda: document.activeNode() == active
    assert pixels_of_selection(document) == chosen
    x, y, width, height = box(document.selection())
    assert outside(document, after, x, y, width, height) == outside(document, before, x, y, width, height)
    assert pixels(document, *AREA) != cut_of(document, before)
    assert bytes(active.pixelData(0, 0, SIZE, SIZE)) == before
    yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background"]
    yield from at_rest(document)
    assert pixels(document) == before
    yield from triggered(document, "edit_redo")
    yield lambda: layers(document) == ["Background", "a red apple"]
    yield from at_rest(document)
    assert pixels(document) == after


def box(selection):
    return selection.x(), selection.y(), selection.width(), selection.height()


def pixels_of_selection(document):
    return bytes(document.selection().pixelData(0, 0, SIZE, SIZE))


def cut_of(document, data):
    size = painter.PIXEL_BYTES[document.colorDepth()]
    x, y, width, height = AREA
    return b"".join(data[(row * SIZE + x) * size : (row * SIZE + x + width) * size] for row in range(y, y + height))


def check_one_picture_is_one_layer_and_one_undo_step_in_8_bit(t):
    yield from painted_in("U8")


def check_one_picture_is_one_layer_and_one_undo_step_in_16_bit(t):
    yield from painted_in("U16")


def check_shift_enter_in_the_prompt_generates(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    write("scumblePrompt", "a blue car")
    field = painter.part("scumblePrompt")
    painter.QTest.keyClick(field, painter.Qt.Key.Key_Return, painter.Qt.KeyboardModifier.ShiftModifier)
    yield lambda: layers(document) == ["Background", "a blue car"], painter.PAINTING_SECONDS
    assert field.toPlainText() == "a blue car"


def check_a_cancelled_job_leaves_nothing(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    before = pixels(document)
    select(document, *AREA)
    yield from styled("Slow")
    write("scumblePrompt", "a house")
    click("scumbleGenerate")
    yield lambda: painter.status() == "Painting", painter.PAINTING_SECONDS
    yield lambda: painter.progress() > 0, 30
    yield painter.preview, 30
    click("scumbleCancel")
    yield lambda: painter.status() == "Ready", 30
    assert layers(document) == ["Background"]
    assert pixels(document) == before
    assert painter.notice() == ""


def styled(name):
    """Choose a style; yields until the list has it."""
    styles = part("scumbleStyle")
    yield lambda: styles.findText(name) >= 0
    styles.setCurrentIndex(styles.findText(name))
    styles.activated.emit(styles.currentIndex())


def check_one_of_two_variations_is_applied_and_all_is_found_again_after_saving(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    write("scumblePrompt", "a pine tree")
    painter.unfold()
    write("scumbleNegative", "snow")
    part("scumbleCount").setValue(2)
    click("scumbleGenerate")
    offers = part("scumbleOffers")
    yield lambda: offers.isVisible() and offers.count() == 2, painter.PAINTING_SECONDS
    assert layers(document) == ["Background"]
    offers.setCurrentRow(1)
    yield lambda: part("scumbleApply").isEnabled()
    painter.scroll_to("scumbleApply")
    click("scumbleApply")
    yield lambda: layers(document) == ["Background", "a pine tree"]
    yield from at_rest(document)
    offers.setCurrentRow(0)
    painter.scroll_to("scumbleDiscardAll")
    click("scumbleDiscardAll")
    yield lambda: offers.count() == 0
    yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background"]
    yield from triggered(document, "edit_redo")
    yield lambda: layers(document) == ["Background", "a pine tree"]
    yield from at_rest(document)
    path = PICTURES / "pine.kra"
    saved = pixels(document)
    assert document.saveAs(str(path))
    yield lambda: path.exists()
    yield from at_rest(document)
    document.close()
    yield lambda: document not in app.documents()
    yield 0.3
    again = yield from opened(path=path)
    yield lambda: part("scumblePrompt").toPlainText() == "a pine tree"
    assert part("scumbleNegative").toPlainText() == "snow"
    assert part("scumbleCount").value() == 2
    assert layers(again) == ["Background", "a pine tree"]
    assert pixels(again) == saved
    assert not again.modified(), "looking marks nothing as changed"


def check_without_a_selection_the_whole_canvas_is_painted(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    before = pixels(document)
    yield from fills(document, "a yellow star")
    added = painter.layer(document, "a yellow star")
    assert added.bounds().width() == SIZE
    assert pixels(document) != before


def check_an_empty_selection_is_told_and_nothing_is_painted(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    document.selection().clear()
    empty = painter.Selection()
    document.setSelection(empty)
    write("scumblePrompt", "a red apple")
    click("scumbleGenerate")
    yield lambda: "nothing is selected" in painter.notice()
    assert layers(document) == ["Background"]
    click("scumbleNoticeDismiss")
    yield lambda: painter.notice() == ""
