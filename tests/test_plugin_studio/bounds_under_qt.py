"""How many jobs may wait, and how many of their pixels are held: what is beyond is refused."""

import krita
from stage import (
    HEIGHT,
    WIDTH,
    active,
    generated,
    until,
)

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.studio import asking


def test_more_jobs_than_can_wait_are_refused(studio, link):
    krita.set_stroke(active(), True)
    for _ in range(33):
        studio.generate()
    assert len(studio.jobs) == 32
    assert "on their way already" in studio.notice.happened


def canvases(number):
    return number * WIDTH * HEIGHT * 4


def test_more_pixels_than_are_held_until_the_end_of_their_jobs_are_refused(studio, link, monkeypatch):
    monkeypatch.setattr(asking, "MOST_WAITING_BYTES", canvases(3))
    first, second, _ = (generated(studio, link) for _ in range(3))
    studio.generate()
    assert studio.notice.happened == asking.TOO_MANY.happened
    assert asking.TOO_MANY.code == "too_many_waiting"
    assert (len(studio.jobs), len(link.submitted)) == (3, 3)
    link.finish(first)
    generated(studio, link)
    studio.generate()
    assert studio.notice.happened == asking.TOO_MANY.happened
    studio.cancel(second.id)
    assert second.id in [job.id for job in studio.jobs], "it has no end yet, but its pixels are gone"
    generated(studio, link)
    link.news.emit(protocol.Cancelled(second.id))
    studio.generate()
    assert studio.notice.happened == asking.TOO_MANY.happened, "they are not counted off twice"


def test_cancelled_jobs_that_are_not_shown_refuse_nothing(studio, link, monkeypatch):
    monkeypatch.setattr(asking, "MOST_WAITING_BYTES", canvases(2))
    jobs = [generated(studio, link) for _ in range(2)]
    link.stand(LinkState.LOST)
    for job in jobs:
        studio.cancel(job.id)
    link.stand(LinkState.ABSENT)
    studio.generate()
    assert (len(studio.jobs), link.starts) == (1, 1)


def test_no_more_is_read_than_is_held_however_much_was_asked_for_in_a_stroke(studio, link, monkeypatch):
    monkeypatch.setattr(asking, "MOST_WAITING_BYTES", canvases(3))
    krita.set_stroke(active(), True)
    for _ in range(5):
        studio.generate()
    krita.set_stroke(active(), False)
    until(lambda: len(link.submitted) == 3)
    assert studio.notice.happened == asking.TOO_MANY.happened
    until(lambda: len(studio.jobs) == 3)


# --- another Krita
