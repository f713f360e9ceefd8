"""Runs inside Krita: the worker, then the server, are killed in the middle of a job; Krita goes on and the result comes once."""

from __future__ import annotations

import os
import signal

import painter
from painter import app, click, layers, opened, paint, part, select, write


def check_the_backend_is_ready(t):
    yield from painter.ready()


def job_under_way():
    """Ask for a slow picture; yields until its steps go on."""
    document = yield from opened()
    yield from paint(document)
    select(document, 64, 64, 128, 128)
    styles = part("scumbleStyle")
    yield lambda: styles.findText("Slow") >= 0
    styles.setCurrentIndex(styles.findText("Slow"))
    styles.activated.emit(styles.currentIndex())
    write("scumblePrompt", "a house")
    click("scumbleGenerate")
    yield lambda: painter.progress() > 0, painter.PAINTING_SECONDS
    return document


def comes_once(document):
    yield lambda: len(layers(document)) == 2, painter.PAINTING_SECONDS
    yield from painter.at_rest(document)
    assert layers(document) == ["Background", "a house"]
    yield lambda: painter.status() == "Ready", 30
    # whatever else might come has had its time by the end of another job
    before = len(layers(document))
    click("scumbleGenerate")
    yield lambda: len(layers(document)) > before, painter.PAINTING_SECONDS
    yield from painter.at_rest(document)
    assert layers(document) == ["Background", "a house", "a house"]


def check_a_killed_worker_is_told_of_and_its_job_comes_once(t):
    document = yield from job_under_way()
    killed = painter.worker()
    os.kill(killed, signal.SIGKILL)
    yield lambda: "painted anew" in painter.notice(), painter.PAINTING_SECONDS
    assert layers(document) == ["Background", "a house"]
    click("scumbleNoticeDismiss")
    yield from comes_once(document)
    assert painter.worker() != killed


def check_a_killed_server_is_told_of_started_again_and_the_job_comes_once(t):
    document = yield from job_under_way()
    told = []
    panel = part("scumbleNoticeText")
    killed = painter.server()["process"]
    os.kill(killed, signal.SIGKILL)
    yield lambda: told.append(painter.notice()) or "lost" in told[-1], 20
    assert panel.text()
    assert app.activeDocument() == document
    # Krita goes on: a layer of the painter's own
    document.rootNode().addChildNode(document.createNode("Mine", "paintlayer"), None)
    yield lambda: "a house" in layers(document), painter.PAINTING_SECONDS
    yield from painter.at_rest(document)
    assert sorted(layers(document)) == ["Background", "Mine", "a house"]
    assert painter.server()["process"] != killed
    yield lambda: painter.status() == "Ready", 30
    assert "lost" not in painter.notice(), "it is no longer lost"
