"""Runs inside Krita: what a painter does while a picture is made, and what must not come of it."""

from __future__ import annotations

import os
from pathlib import Path

import painter
from painter import Qt, app, at_rest, click, layers, opened, paint, part, pixels, select, write

PICTURES = Path(os.environ["PICTURES"])
AREA = (64, 64, 128, 128)
SIZE = 256


def check_the_backend_is_ready(t):
    yield from painter.ready()


def asked(prompt, path=None):
    """Ask for a picture that takes a while; yields until it is being painted."""
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    styles = part("scumbleStyle")
    yield lambda: styles.findText("Slow") >= 0
    styles.setCurrentIndex(styles.findText("Slow"))
    styles.activated.emit(styles.currentIndex())
    write("scumblePrompt", prompt)
    if path is not None:
        assert document.saveAs(str(path))
        yield lambda: path.exists()
        yield from at_rest(document)
    click("scumbleGenerate")
    yield lambda: painter.progress() > 0, painter.PAINTING_SECONDS
    return document


def box(rect):
    return rect.x(), rect.y(), rect.width(), rect.height()


def comes(document, count):
    yield lambda: len(layers(document)) == count, painter.PAINTING_SECONDS
    yield from at_rest(document)


def check_a_closed_document_gets_its_result_when_it_is_opened_again(t):
    path = PICTURES / "closed.kra"
    document = yield from asked("a moon", path)
    document.setModified(False)
    document.close()
    yield lambda: document not in app.documents()
    other = yield from opened(SIZE, SIZE)
    yield (
        lambda: "closed.kra" in painter.notice() or "closed" in part("scumbleElsewhere").text(),
        painter.PAINTING_SECONDS,
    )
    assert layers(other) == ["Background"]
    assert part("scumbleOffers").count() == 0
    again = yield from opened(path=path)
    offers = part("scumbleOffers")
    yield lambda: offers.isVisible() and offers.count() == 1
    assert layers(again) == ["Background"]
    painter.scroll_to("scumbleApply")
    click("scumbleApply")
    yield from comes(again, 2)
    assert layers(again) == ["Background", "a moon"]


def check_a_result_goes_into_its_own_document_not_into_the_one_in_front(t):
    document = yield from asked("a sun")
    front = yield from opened(SIZE, SIZE)
    yield from comes(document, 2)
    assert layers(front) == ["Background"]
    assert app.activeDocument() == front


def check_the_active_layer_and_a_new_selection_stay_the_painters(t):
    document = yield from asked("a tree")
    mine = document.createNode("Mine", "paintlayer")
    document.rootNode().addChildNode(mine, None)
    yield from at_rest(document)
    document.setActiveNode(mine)
    yield lambda: document.activeNode() == mine
    select(document, 0, 0, 20, 20)
    yield from comes(document, 3)
    yield 0.2
    assert layers(document) == ["Background", "a tree", "Mine"], "above the layer that it was asked for"
    assert document.activeNode() == mine
    assert (document.selection().width(), document.selection().height()) == (20, 20)
    added = painter.layer(document, "a tree").bounds()
    assert box(added) == AREA, box(added)


def check_a_deleted_layer_is_told_of_and_the_result_comes_all_the_same(t):
    document = yield from asked("a cat")
    gone = document.activeNode()
    document.rootNode().addChildNode(document.createNode("Mine", "paintlayer"), None)
    yield from at_rest(document)
    document.setActiveNode(document.rootNode().childNodes()[-1])
    gone.remove()
    yield lambda: layers(document) == ["Mine"]
    yield from comes(document, 2)
    assert layers(document) == ["Mine", "a cat"]
    yield lambda: "gone" in painter.notice()
    click("scumbleNoticeDismiss")


def check_a_locked_and_hidden_layer_is_left_alone(t):
    document = yield from asked("a dog")
    background = document.activeNode()
    before = bytes(background.pixelData(0, 0, SIZE, SIZE))
    background.setLocked(True)
    background.setVisible(False)
    document.refreshProjection()
    yield from comes(document, 2)
    assert layers(document) == ["Background", "a dog"]
    assert background.locked()
    assert not background.visible()
    assert bytes(background.pixelData(0, 0, SIZE, SIZE)) == before


def check_a_cropped_canvas_takes_the_result_along(t):
    document = yield from asked("a house")
    yield from at_rest(document)
    document.crop(32, 32, 200, 200)
    yield lambda: document.width() == 200
    yield from comes(document, 2)
    added = painter.layer(document, layers(document)[-1]).bounds()
    assert box(added) == (AREA[0] - 32, AREA[1] - 32, AREA[2], AREA[3]), box(added)
    yield lambda: "cropped" in painter.notice()
    click("scumbleNoticeDismiss")


def check_nothing_is_inserted_in_the_middle_of_a_stroke(t):
    document = yield from asked("a star")
    kinds, no, left = painter.QEvent.Type, Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    app.action("KritaShape/KisToolBrush").trigger()
    app.action("deselect").trigger()
    yield 0.3
    canvas = painter.canvas_widget()
    middle = canvas.rect().center()
    painter.mouse(canvas, kinds.MouseMove, no, middle)
    painter.mouse(canvas, kinds.MouseButtonPress, left, middle)
    for step in range(1, 6):
        painter.mouse(canvas, kinds.MouseMove, no, middle + painter.QPoint(6 * step, 4 * step))
        yield 0.02
    yield 0.3
    assert not painter._is_at_rest(document), "the stroke goes on"
    waits = "waits for your stroke"
    for step in range(600):
        painter.mouse(canvas, kinds.MouseMove, no, middle + painter.QPoint(30 - step % 30, step % 11))
        assert layers(document) == ["Background"], "a layer came in mid-stroke"
        if any(waits in word for word in painter.job_words()):
            break
        yield 0.1
    else:
        raise AssertionError(painter.job_words())
    yield 0.3
    assert layers(document) == ["Background"]
    painter.mouse(canvas, kinds.MouseButtonRelease, left, middle)
    yield from comes(document, 2)
    yield from painter.triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background"]


def told(prepare, words):
    """Press Generate on a document in some state; yields until the docker tells why nothing is painted."""
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    yield from prepare(document)
    before = pixels(document)
    write("scumblePrompt", "a red apple")
    click("scumbleGenerate")
    yield lambda: words in painter.notice()
    assert pixels(document) == before
    click("scumbleNoticeDismiss")
    yield lambda: painter.notice() == ""


def check_a_selection_off_the_canvas_is_told(t):
    def prepare(document):
        select(document, SIZE + 10, 0, 50, 50)
        yield from at_rest(document)

    yield from told(prepare, "outside of the canvas")


def starter():
    styles = part("scumbleStyle")
    yield lambda: styles.count() > 0
    styles.setCurrentIndex(0)
    styles.activated.emit(0)


def check_a_group_and_a_vector_layer_get_the_result_above_them(t):
    for kind in ("grouplayer", "vectorlayer"):
        document = yield from opened(SIZE, SIZE)
        yield from paint(document)
        node = document.createNode("Other", kind)
        document.rootNode().addChildNode(node, None)
        yield from at_rest(document)
        document.setActiveNode(node)
        yield lambda document=document, node=node: document.activeNode() == node
        select(document, *AREA)
        yield from starter()
        write("scumblePrompt", "a heart")
        click("scumbleGenerate")
        yield from comes(document, 3)
        assert layers(document) == ["Background", "Other", "a heart"]
        assert node.childNodes() == []


def check_a_selection_partly_off_the_canvas_is_painted_where_there_is_canvas(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, SIZE - 64, 64, 128, 128)
    yield from starter()
    write("scumblePrompt", "a heart")
    click("scumbleGenerate")
    yield from comes(document, 2)
    added = painter.layer(document, layers(document)[-1]).bounds()
    assert box(added) == (SIZE - 64, 64, 64, 128), box(added)


def check_several_jobs_wait_and_each_can_be_cancelled(t):
    document = yield from asked("a castle")
    click("scumbleGenerate")
    click("scumbleGenerate")
    rows = painter.rows
    yield lambda: len(rows()) == 3
    yield lambda: [word for word in painter.job_words() if "Next in line" in word or "before yours" in word]
    last = rows()[2].findChild(painter.QWidget, "scumbleJobCancel")
    click("scumbleJobCancel", last)
    yield lambda: len(rows()) == 2
    click("scumbleJobCancel", rows()[0].findChild(painter.QWidget, "scumbleJobCancel"))
    yield lambda: len(rows()) == 1
    click("scumbleJobCancel", rows()[0].findChild(painter.QWidget, "scumbleJobCancel"))
    yield lambda: rows() == []
    yield lambda: painter.status() == "Ready"
    assert layers(document) == ["Background"]


def check_nothing_was_written_to_the_log_as_a_fault(t):
    log = Path(os.environ["SCUMBLE_HOME"]) / "logs" / "plugin.log"
    assert " ERROR " not in log.read_text("utf-8"), log.read_text("utf-8")
