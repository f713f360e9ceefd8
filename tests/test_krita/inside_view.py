"""Runs inside Krita: what the painter looks at and paints with is the same before a picture comes and after it."""

from __future__ import annotations

import painter
from painter import QApplication, QMdiArea, QWidget, app, at_rest, click, layers, opened, paint, select, write

SIDE = 1024
TOOL = "KritaShape/KisToolEllipse"


def scrolling() -> QWidget:
    """What holds the canvas and its scroll bars."""
    view = app.activeWindow().qwindow().findChild(QMdiArea).activeSubWindow()
    (found,) = [w for w in view.findChildren(QWidget) if w.metaObject().className() == "KisCanvasController"]
    return found


def tool() -> str:
    """The tool that is chosen in Krita's toolbox."""
    box = app.activeWindow().qwindow().findChild(QWidget, "ToolBox")
    (found,) = [
        button.objectName()
        for button in box.findChildren(QWidget)
        if "/" in button.objectName() and hasattr(button, "isChecked") and button.isChecked()
    ]
    return found


def hands() -> dict[str, object]:
    """What the painter would notice if it were another."""
    view, holder = app.activeWindow().activeView(), scrolling()
    canvas = view.canvas()
    focus = QApplication.focusWidget()
    return {
        "zoom": canvas.zoomLevel(),
        "rotation": canvas.rotation(),
        "mirrored": canvas.mirror(),
        "scrolled to": (holder.horizontalScrollBar().value(), holder.verticalScrollBar().value()),
        "tool": tool(),
        "brush": view.currentBrushPreset().name(),
        "size": view.brushSize(),
        "foreground": view.foregroundColor().components(),
        "layer": app.activeDocument().activeNode().uniqueId().toString(),
        "focus": focus.objectName() if focus is not None else "",
    }


def at_work(document):
    """Zoom in, turn, scroll, and take another tool, as in the middle of a picture; yields until Krita has done so."""
    canvas = app.activeWindow().activeView().canvas()
    canvas.setZoomLevel(2.0)
    canvas.setRotation(15.0)
    app.action(TOOL).trigger()
    yield lambda: tool() == TOOL
    yield from at_rest(document)
    holder = scrolling()
    for bar in (holder.horizontalScrollBar(), holder.verticalScrollBar()):
        bar.setValue((2 * bar.minimum() + bar.maximum()) // 3)
    yield 0.5
    yield from at_rest(document)


def stays(count, depth="U8"):
    document = yield from opened(SIDE, SIDE, depth)
    yield from paint(document)
    select(document, 700, 600, 128, 128)
    yield from at_work(document)
    # the click is the docker's, and so is the focus after it
    write("scumblePrompt", "a red apple")
    if count > 1:
        painter.unfold()
    painter.part("scumbleCount").setValue(count)
    before = hands()
    click("scumbleGenerate")
    return document, before


def check_the_docker_is_ready(t):
    yield from painter.ready()


def check_view_tool_and_brush_stay_when_a_picture_comes(t):
    document, before = yield from stays(1)
    yield lambda: layers(document) == ["Background", "a red apple"], painter.PAINTING_SECONDS
    yield from at_rest(document)
    # Krita makes the new layer the active one for a moment, before it is given back
    yield lambda: hands()["layer"] == before["layer"]
    yield 0.5
    assert hands() == before
    t.note(str(before))


def check_they_stay_when_one_of_several_is_applied(t):
    document, before = yield from stays(2)
    offers = painter.part("scumbleOffers")
    yield lambda: offers.isVisible() and offers.count() == 2, painter.PAINTING_SECONDS
    assert hands() == before
    painter.scroll_to("scumbleApply")
    click("scumbleApply")
    yield lambda: layers(document) == ["Background", "a red apple"]
    yield from at_rest(document)
    yield lambda: hands()["layer"] == before["layer"]
    yield 0.5
    now = hands()
    # the button that was pressed
    before.pop("focus"), now.pop("focus")
    assert now == before


def check_they_stay_when_undone(t):
    document, before = yield from stays(1)
    yield lambda: layers(document) == ["Background", "a red apple"], painter.PAINTING_SECONDS
    yield lambda: hands()["layer"] == before["layer"]
    yield from painter.triggered(document, "edit_undo")
    yield lambda: layers(document) == ["Background"]
    yield 0.5
    assert hands() == before
