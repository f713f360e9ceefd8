"""Runs inside Krita: the docker in each of its moments, photographed at 300 pixels' width, and looked at for what is cut off."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import painter
from painter import Qt, QWidget, app, click, opened, part, scroll_to, write

SHOTS = Path(os.environ["SHOTS"])
NAME = os.environ["LOOK"]
WIDTH = 300

if painter.QT == 6:
    from PyQt6.QtCore import QPoint, QRect
    from PyQt6.QtGui import QColor
    from PyQt6.QtWidgets import QMainWindow
else:
    from PyQt5.QtCore import QPoint, QRect
    from PyQt5.QtGui import QColor
    from PyQt5.QtWidgets import QMainWindow


def filled():
    """The docker without the empty part below its last control."""
    dock, least = painter.dock(), 420
    leaves = [w for w in part("scumblePanel").findChildren(QWidget) if w.isVisible() and not w.findChildren(QWidget)]
    bottom = max(leaf.mapTo(dock, QPoint(0, 0)).y() + leaf.height() for leaf in leaves)
    return QRect(0, 0, dock.width(), min(dock.height(), max(least, bottom + 8)))


def shot(moment):
    """Photograph the docker, and the whole window; see that nothing reaches beyond the docker's sides."""
    painter.dock().grab(filled()).save(str(SHOTS / f"{NAME}-{moment}.png"))
    app.activeWindow().qwindow().grab().save(str(SHOTS / f"{NAME}-{moment}-window.png"))
    panel = part("scumblePanel")
    assert panel.width() <= WIDTH + 2, panel.width()
    for widget in panel.findChildren(QWidget):
        if widget.isVisible() and not widget.visibleRegion().isEmpty():
            left = widget.mapTo(panel, QPoint(0, 0)).x()
            assert left >= 0, (moment, widget.objectName(), left)
            assert left + widget.width() <= panel.width(), (moment, widget.objectName(), left, widget.width())


def check_the_docker_is_made_narrow(t):
    window = app.activeWindow().qwindow()
    window.setGeometry(0, 0, 1600, 1000)
    dock = painter.dock()
    dock.setVisible(True)
    dock.raise_()
    for other in app.dockers():
        if other is not dock and window.dockWidgetArea(other) == window.dockWidgetArea(dock):
            other.setVisible(False)
    yield 0.2
    QMainWindow.resizeDocks(window, [dock], [WIDTH], Qt.Orientation.Horizontal)
    yield lambda: abs(dock.width() - WIDTH) <= 2
    yield lambda: painter.status() == "Not running"
    yield 0.2
    shot("not-running")
    t.note("bright" if dock.palette().window().color().lightness() > 128 else "dark")
    ink, ground = dock.palette().windowText().color(), dock.palette().window().color()
    assert abs(QColor(ink).lightness() - QColor(ground).lightness()) > 80


def check_ready_with_a_picture(t):
    yield from painter.ready()
    document = yield from opened(path=Path(os.environ["EXAMPLE"]))
    app.activeWindow().activeView().canvas().setZoomLevel(1.0)
    painter.select_mask(document, Path(os.environ["MASK"]))
    write("scumblePrompt", "a red apple")
    yield 0.5
    painter.canvas_widget().setFocus()
    yield 0.2
    shot("ready")


def check_what_a_model_works_from(t):
    """References, one of which is gone; weights that mean nothing to the model; and no LoRA that fits it."""
    document, styles = app.activeDocument(), part("scumbleStyle")
    usual = styles.currentText()
    yield lambda: styles.findText("Klein") >= 0
    choose(styles, "Klein")
    yield part("scumbleReferences").isVisible
    background = document.activeNode()
    for name, colour in (("Photo of the lighthouse at dusk", (60, 90, 200, 255)), ("Sketch", (40, 160, 90, 255))):
        layer = document.createNode(name, "paintlayer")
        layer.setPixelData(painter.QByteArray(bytes(colour) * (200 * 150)), 100, 100, 200, 150)
        layer.setVisible(False)
        document.rootNode().addChildNode(layer, background)
        yield from painter.at_rest(document)
        yield lambda layer=layer: activated(document, layer)
        click("scumbleReferenceAdd")
        yield 0.2
    layer.remove()
    yield (
        lambda: (
            "Sketch (not there)"
            in [each.text() for each in painter.dock().findChildren(QWidget, "scumbleReferenceName")]
        )
    )
    write("scumblePrompt", "a (red:1.2) apple")
    yield part("scumbleWeightsInVain").isVisible
    painter.canvas_widget().setFocus()
    yield 0.3
    shot("works-from")
    for row in painter.dock().findChildren(QWidget, "scumbleReferenceRemove"):
        row.click()
    painter.layer(document, "Photo of the lighthouse at dusk").remove()
    yield from painter.at_rest(document)
    yield lambda: activated(document, background)
    choose(styles, usual)
    yield 0.3
    assert not part("scumbleReferences").isVisible()
    assert not part("scumbleWeightsInVain").isVisible()


def activated(document, node):
    if document.activeNode() != node:
        document.setActiveNode(node)
        return False
    return True


def came_back():
    """As when the painter comes back to Krita from another program."""
    application = painter.QApplication.instance()
    application.applicationStateChanged.emit(Qt.ApplicationState.ApplicationActive)


def check_loras_to_choose_from(t):
    """Files that are put into their folder while Krita is open, and taken out again."""
    assert not part("scumbleLora").isVisible()
    shutil.copytree(os.environ["LORAS_TO_COME"], os.environ["LORAS"])
    came_back()
    yield lambda: part("scumbleLora").isVisible() and part("scumbleLora").isEnabled()
    menu = part("scumbleLora").menu()
    menu.popup(part("scumbleLora").mapToGlobal(part("scumbleLora").rect().bottomLeft()))
    yield menu.isVisible
    menu.grab().save(str(SHOTS / f"{NAME}-lora-menu.png"))
    menu.close()
    write("scumblePrompt", "a red apple <lora:w")
    (listed,) = [each for each in painter.QApplication.topLevelWidgets() if each.objectName() == "scumbleLoraList"]
    yield listed.isVisible
    assert listed.width() <= part("scumblePrompt").width()
    listed.grab().save(str(SHOTS / f"{NAME}-lora-list.png"))
    painter.QTest.keyClick(listed, Qt.Key.Key_Return)
    yield 0.2
    shot("lora")
    write("scumblePrompt", "a red apple")
    shutil.rmtree(os.environ["LORAS"])
    came_back()
    yield lambda: not part("scumbleLora").isVisible()


def check_a_job_that_runs(t):
    styles = part("scumbleStyle")
    usual = styles.currentText()
    choose(styles, "Slow")
    click("scumbleGenerate")
    click("scumbleGenerate")
    yield (
        lambda: painter.progress() > 300,
        painter.PAINTING_SECONDS,
    )
    yield painter.preview
    shot("running")
    while painter.status() == "Painting":
        click("scumbleCancel")
        yield 0.2
    choose(styles, usual)


def choose(styles, name):
    styles.setCurrentIndex(styles.findText(name))
    styles.activated.emit(styles.currentIndex())


def check_variations_to_choose_from(t):
    painter.unfold()
    part("scumbleCount").setValue(4)
    click("scumbleGenerate")
    offers = part("scumbleOffers")
    yield lambda: offers.isVisible() and offers.count() == 4, painter.PAINTING_SECONDS
    offers.setCurrentRow(2)
    yield 0.5
    scroll_to("scumbleApply")
    yield 0.3
    shot("variations")
    scroll_to("scumbleApply")
    before = len(painter.layers(app.activeDocument()))
    click("scumbleApply")
    yield lambda: len(painter.layers(app.activeDocument())) > before
    yield from painter.at_rest(app.activeDocument())
    yield 0.5
    shot("applied")
    scroll_to("scumbleDiscardAll")
    click("scumbleDiscardAll")
    yield lambda: not offers.isVisible() or offers.count() == 0
    part("scumbleCount").setValue(1)


def check_an_error(t):
    app.activeDocument().setSelection(painter.Selection())
    click("scumbleGenerate")
    yield lambda: painter.notice() != ""
    scroll_to("scumbleNotice")
    yield 0.3
    shot("error")
