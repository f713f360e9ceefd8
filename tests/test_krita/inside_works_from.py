"""Runs inside Krita: layers that a model works from, and LoRAs, chosen with the docker's own widgets. For test_works_from.py."""

from __future__ import annotations

import os
from pathlib import Path

import painter
from inside_painting import AREA, SIZE, fills, styled
from painter import (
    QByteArray,
    Qt,
    QTest,
    QWidget,
    app,
    at_rest,
    click,
    layers,
    opened,
    paint,
    part,
    pixels,
    scroll_to,
    select,
    triggered,
    write,
)

PICTURES = Path(os.environ["PICTURES"])
SEED = "7"


def check_the_docker_starts_the_backend(t):
    yield from painter.ready()


def with_photo(document, colour):
    """Add a layer of one colour on part of the canvas and make it the active one."""
    photo = document.createNode("Photo", "paintlayer")
    fill_photo(photo, colour)
    document.rootNode().addChildNode(photo, None)
    yield from at_rest(document)
    yield lambda: activated(document, photo)
    return photo


def fill_photo(photo, colour):
    photo.setPixelData(QByteArray(bytes(colour) * (96 * 80)), 20, 30, 96, 80)


def activated(document, node):
    if document.activeNode() != node:
        document.setActiveNode(node)
        return False
    return True


def same_seed():
    painter.unfold()
    if part("scumbleRandomSeed").isChecked():
        part("scumbleRandomSeed").setChecked(False)
    painter.write("scumbleSeed", SEED)


def made(document, prompt):
    """Have a picture painted; return the pixels of its layer, and take it back."""
    yield from fills(document, prompt)
    result = painter.layer(document, layers(document)[-1])
    found = bytes(result.pixelData(0, 0, SIZE, SIZE))
    yield from triggered(document, "edit_undo")
    yield from at_rest(document)
    return found


def rows():
    return [row for row in painter.dock().findChildren(QWidget, "scumbleReference") if row.isVisible()]


def names():
    return [row.findChild(QWidget, "scumbleReferenceName").text() for row in rows()]


def check_a_reference_layer_reaches_the_model_and_changes_the_picture(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    yield from styled("sd15")
    assert not part("scumbleReferences").isVisible(), "this model works from none"
    photo = yield from with_photo(document, (40, 60, 220, 255))
    photo.setVisible(False)
    document.refreshProjection()
    yield from at_rest(document)
    yield from styled("flux_kontext")
    yield part("scumbleReferences").isVisible
    assert part("scumbleGenerate").text() == "Edit"
    same_seed()
    without = yield from made(document, "a boat")
    # undo makes another layer the active one
    yield lambda: activated(document, photo)
    scroll_to("scumbleReferenceAdd")
    click("scumbleReferenceAdd")
    yield lambda: names() == ["Photo"]
    assert part("scumbleGenerate").text() == "Generate"
    assert not part("scumbleReferenceAdd").isEnabled(), "it works from one"
    red = yield from made(document, "a boat")
    again = yield from made(document, "a boat")
    fill_photo(photo, (200, 30, 10, 255))
    blue = yield from made(document, "a boat")
    assert len(red) == SIZE * SIZE * 4
    assert red == again
    assert len({without, red, blue}) == 3
    assert layers(document) == ["Background", "Photo"]
    assert painter.notice() == "", painter.notice()


def check_one_that_is_deleted_is_told_and_found_again_after_undo_and_after_saving(t):
    document = app.activeDocument()
    photo = painter.layer(document, "Photo")
    before = pixels(document)
    photo.remove()
    yield from at_rest(document)
    yield lambda: names() == ["Photo (not there)"]
    write("scumblePrompt", "a ship")
    click("scumbleGenerate")
    yield lambda: "'Photo' is no longer in the document" in painter.notice()
    assert painter.status() == "Ready"
    assert layers(document) == ["Background"]
    click("scumbleNoticeDismiss")
    yield from triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background", "Photo"]
    yield lambda: names() == ["Photo"]
    assert pixels(document) == before
    path = PICTURES / "works-from.kra"
    assert document.saveAs(str(path))
    yield from at_rest(document)
    document.close()
    yield lambda: document not in app.documents()
    yield 0.3
    again = yield from opened(path=path)
    yield lambda: names() == ["Photo"]
    assert not again.modified(), "looking marks nothing as changed"
    result = yield from made(again, "a boat")
    assert len(result) == SIZE * SIZE * 4
    scroll_to("scumbleReferenceRemove")
    click("scumbleReferenceRemove", rows()[0].findChild(QWidget, "scumbleReferenceRemove"))
    yield lambda: names() == []
    assert again.modified()


def check_a_lora_of_the_menu_is_in_the_job(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    yield from styled("flux_kontext")
    yield lambda: not part("scumbleLora").isEnabled()
    assert "no LoRAs that fit" in part("scumbleLora").toolTip()
    yield from styled("sd15")
    yield part("scumbleLora").isEnabled
    same_seed()
    without = yield from made(document, "a ship")
    write("scumblePrompt", "a ship")
    menu = part("scumbleLora").menu()
    assert [action.text() for action in menu.actions()] == ["ink"]
    # as Space on the button does, but for the menu's own event loop
    menu.popup(part("scumbleLora").mapToGlobal(part("scumbleLora").rect().bottomLeft()))
    yield menu.isVisible
    QTest.keyClick(menu, Qt.Key.Key_Down)
    QTest.keyClick(menu, Qt.Key.Key_Return)
    yield lambda: not menu.isVisible()
    prompt = part("scumblePrompt")
    assert prompt.toPlainText() == "a ship <lora:ink:1>"
    QTest.keyClicks(prompt, "0.7")
    assert prompt.toPlainText() == "a ship <lora:ink:0.7>"
    inked = yield from made(document, prompt.toPlainText())
    assert inked != without
    none = yield from made(document, "a ship <lora:ink:0>")
    assert none == without
    assert painter.notice() == "", painter.notice()


def check_a_lora_is_listed_while_it_is_typed(t):
    document = yield from opened(SIZE, SIZE)
    yield from styled("sd15")
    yield part("scumbleLora").isEnabled
    write("scumblePrompt", "a ship <lora:i")
    shown = [each for each in app_widgets() if each.objectName() == "scumbleLoraList" and each.isVisible()]
    assert len(shown) == 1
    QTest.keyClick(shown[0], Qt.Key.Key_Return)
    assert part("scumblePrompt").toPlainText() == "a ship <lora:ink:1>"
    assert not shown[0].isVisible()
    assert layers(document) == ["Background"]


def app_widgets():
    return painter.QApplication.topLevelWidgets()


def check_a_picture_is_a_layer_by_what_it_drew(t):
    document = yield from opened(SIZE, SIZE)
    yield from paint(document)
    select(document, *AREA)
    yield from styled("sd15")
    yield from fills(document, "a {red|red} ship <lora:ink:0.5>")
    assert layers(document) == ["Background", "a red ship"]
