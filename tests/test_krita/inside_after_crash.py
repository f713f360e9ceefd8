"""Runs inside the next Krita: the result of the job that the killed one had asked for is offered in its document."""

from __future__ import annotations

import os
from pathlib import Path

import painter
from painter import at_rest, click, layers, opened, part


def check_another_document_gets_nothing(t):
    document = yield from opened()
    yield lambda: painter.status() in ("Ready", "Painting"), 60
    yield lambda: painter.status() == "Ready", painter.PAINTING_SECONDS
    yield 0.5
    assert layers(document) == ["Background"]
    assert part("scumbleOffers").count() == 0


def check_the_result_is_offered_where_it_belongs(t):
    document = yield from opened(path=Path(os.environ["PICTURES"]) / "crash.kra")
    offers = part("scumbleOffers")
    yield lambda: offers.isVisible() and offers.count() == 1, painter.PAINTING_SECONDS
    assert layers(document) == ["Background"]
    assert part("scumblePrompt").toPlainText() == "a red apple"
    painter.scroll_to("scumbleApply")
    click("scumbleApply")
    yield lambda: layers(document) == ["Background", "a red apple"]
    yield from at_rest(document)
    assert painter.layer(document, "a red apple").type() == os.environ.get("KIND", "paintlayer")
    yield lambda: offers.count() == 0
