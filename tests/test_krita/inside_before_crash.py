"""Runs inside Krita: asks for a picture in a saved document, then Krita is killed in the middle of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import painter
from painter import click, opened, paint, part, select, write


def check_krita_is_killed_in_the_middle_of_a_job(t):
    yield from painter.ready()
    document = yield from opened()
    yield from paint(document)
    select(document, 64, 64, 128, 128)
    write("scumblePrompt", "a red apple")
    styles = part("scumbleStyle")
    slow = os.environ.get("STYLE", "Slow")
    yield lambda: styles.findText(slow) >= 0
    styles.setCurrentIndex(styles.findText(slow))
    styles.activated.emit(styles.currentIndex())
    path = Path(os.environ["PICTURES"]) / "crash.kra"
    assert document.saveAs(str(path))
    yield lambda: path.exists()
    yield from painter.at_rest(document)
    click("scumbleGenerate")
    yield lambda: painter.progress() > 0, painter.PAINTING_SECONDS
    os.kill(os.getpid(), signal.SIGKILL)
