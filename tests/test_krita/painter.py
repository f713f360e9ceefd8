"""A painter's hands, inside Krita: documents, selections, and the docker's own widgets by their names.

What takes time is a generator, for the checks to `yield from`.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pykrita
from krita import Krita, Selection

QT = getattr(pykrita, "qt_major_version", lambda: 5)()
if QT == 6:
    from PyQt6.QtCore import QByteArray, QEvent, QPoint, QPointF, Qt
    from PyQt6.QtGui import QImage, QMouseEvent
    from PyQt6.QtTest import QTest
    from PyQt6.QtWidgets import QApplication, QDockWidget, QMdiArea, QWidget
else:
    from PyQt5.QtCore import QByteArray, QEvent, QPoint, QPointF, Qt  # noqa: F401 - QEvent is for the checks
    from PyQt5.QtGui import QImage, QMouseEvent
    from PyQt5.QtTest import QTest
    from PyQt5.QtWidgets import QApplication, QDockWidget, QMdiArea, QWidget

app = Krita.instance()
SRGB = "sRGB-elle-V2-srgbtrc.icc"
PAINTING_SECONDS = 400
"""For one picture: bounds how long a broken test hangs. Torch took 20 s to load on a busy machine, a slow style 180 s on a slow and busy one."""

PIXEL_BYTES = {"U8": 4, "U16": 8}


def dock() -> QDockWidget:
    """Scumble's docker."""
    return next(found for found in app.dockers() if found.findChild(QWidget, "scumblePanel") is not None)


def part(name: str) -> QWidget:
    """The docker's widget of that name."""
    found = dock().findChild(QWidget, name)
    assert found is not None, f"the docker has no {name}"
    return found


def click(name: str, widget: QWidget | None = None) -> None:
    """Press a button with the mouse."""
    button = widget or part(name)
    assert button.isVisible(), f"{name} is not to be seen"
    assert button.isEnabled(), f"{name} is not enabled"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def write(name: str, text: str) -> None:
    """Replace what stands in a field by typing."""
    field = part(name)
    assert field.isVisible(), f"{name} is not to be seen"
    field.setFocus()
    QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(field, Qt.Key.Key_Delete)
    QTest.keyClicks(field, text)


def opened(width=256, height=256, depth="U8", path=None):
    """Open a new document, or a saved one; yields until it can be painted on."""
    document = (
        app.openDocument(str(path)) if path else app.createDocument(width, height, "Sky", "RGBA", depth, SRGB, 72.0)
    )
    app.activeWindow().addView(document)
    document.setBatchmode(True)
    yield lambda: app.activeDocument() == document and document.activeNode() is not None
    yield from at_rest(document)
    return document


def at_rest(document):
    """Yields until nothing is being done to the document."""
    yield lambda: _is_at_rest(document), 30


def _is_at_rest(document) -> bool:
    if not document.tryBarrierLock():
        return False
    document.unlock()
    return True


def paint(document, seed=1):
    """Cover the active layer with a picture of one's own: soft noise, quite opaque."""
    rng, size = random.Random(seed), PIXEL_BYTES[document.colorDepth()]
    pixels = document.width() * document.height()
    one = bytearray(rng.randbytes(pixels * size))
    alpha = size // 4
    one[size - 1 :: size] = b"\xff" * pixels
    if alpha == 2:
        one[size - 2 :: size] = b"\xff" * pixels
    document.activeNode().setPixelData(QByteArray(bytes(one)), 0, 0, document.width(), document.height())
    document.refreshProjection()
    yield from at_rest(document)


def select(document, x, y, width, height, feather=0):
    """Select a rectangle."""
    selection = Selection()
    selection.select(x, y, width, height, 255)
    if feather:
        selection.feather(feather)
    document.setSelection(selection)


def select_mask(document, path):
    """Select as a picture says: white wholly, black not."""
    mask = QImage(str(path)).convertToFormat(QImage.Format.Format_Grayscale8)
    rows = b"".join(bytes(mask.constScanLine(y).asarray(mask.width())) for y in range(mask.height()))
    selection = Selection()
    selection.setPixelData(QByteArray(rows), 0, 0, mask.width(), mask.height())
    document.setSelection(selection)


def pixels(document, x=0, y=0, width=None, height=None) -> bytes:
    """What is seen there."""
    return bytes(document.pixelData(x, y, width or document.width(), height or document.height()))


def outside(document, data, x, y, width, height) -> list[bytes]:
    """The parts of what is seen that lie outside of a rectangle."""
    line = document.width() * PIXEL_BYTES[document.colorDepth()]
    size = PIXEL_BYTES[document.colorDepth()]
    found = [data[: y * line], data[(y + height) * line :]]
    for row in range(y, y + height):
        found += [data[row * line : row * line + x * size], data[row * line + (x + width) * size : (row + 1) * line]]
    return found


def layer(document, name):
    """The layer of that name, whose bounds are those of its pixels."""
    (found,) = [node for node in document.rootNode().childNodes() if node.name() == name]
    return found


def layers(document) -> list[str]:
    """Names of the layers from the bottom up."""
    return [node.name() for node in document.rootNode().childNodes() if node.type() != "selectionmask"]


def triggered(document, action):
    """Undo, redo and the like; Krita drops the wish while something is being done to the document."""
    yield from at_rest(document)
    app.action(action).trigger()
    yield from at_rest(document)


def notice() -> str:
    """What the docker tells, "" where it tells nothing."""
    text = part("scumbleNotice")
    return part("scumbleNoticeText").text() if text.isVisible() else ""


def progress() -> int:
    """How far the bar of a job is, in its own units; -1 while there is none to be seen."""
    bars = [bar for bar in dock().findChildren(QWidget, "scumbleProgress") if bar.isVisible()]
    return bars[0].value() if bars else -1


def preview() -> bool:
    """Whether there is a look at an unfinished picture."""
    return any(look.isVisible() for look in dock().findChildren(QWidget, "scumblePreview"))


def status() -> str:
    """What the docker says of the backend."""
    return part("scumbleStatus").text()


def ready():
    """Start the backend by the docker's own button, if need be; yields until it is ready."""
    dock().setVisible(True)
    dock().raise_()
    yield lambda: status() in ("Ready", "Painting", "Not running")
    if status() == "Not running":
        click("scumbleStart")
    yield lambda: status() == "Ready", 60


def server() -> dict:
    """What the running backend says of itself in its own file."""
    return json.loads((Path(os.environ["SCUMBLE_HOME"]) / "run" / "server.json").read_text("utf-8"))


def worker() -> int:
    """Process id of the backend's worker; 0 while there is none."""
    process = server()["process"]
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text("utf-8").split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def is_running(process: int) -> bool:
    """Whether there is still such a process, and not just its ghost."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def scroll_to(name: str) -> None:
    """Bring a widget of the docker into sight."""
    widget = part(name)
    area = widget.parentWidget()
    while area is not None and not hasattr(area, "ensureWidgetVisible"):
        area = area.parentWidget()
    if area is not None:
        area.ensureWidgetVisible(widget)


def mouse(view: QWidget, kind, button, point) -> None:
    """Send a mouse event with the left button down to the canvas, as the screen does; QTest sends moves without a button."""
    where, left = QPointF(point), Qt.MouseButton.LeftButton
    there = QPointF(view.mapToGlobal(point))
    QApplication.sendEvent(view, QMouseEvent(kind, where, there, button, left, Qt.KeyboardModifier.NoModifier))


def canvas_widget() -> QWidget:
    """The widget that shows the active document."""
    view = app.activeWindow().qwindow().findChild(QMdiArea).activeSubWindow()
    kinds = ("KisOpenGLCanvas2", "KisQPainterCanvas")
    (found,) = [w for w in view.findChildren(QWidget) if w.metaObject().className() in kinds and w.isVisible()]
    return found


def unfold() -> None:
    """Have the docker show all of its settings."""
    if not part("scumbleNegative").isVisible():
        click("scumbleMore")


def rows() -> list[QWidget]:
    """The rows of the jobs on their way, the oldest first."""
    found = [row for row in dock().findChildren(QWidget, "scumbleJob") if row.isVisible()]
    return sorted(found, key=lambda row: row.mapTo(dock(), QPoint(0, 0)).y())


def job_words() -> list[str]:
    """What the docker says of each job."""
    return [row.findChild(QWidget, "scumbleJobStage").text() for row in rows()]
