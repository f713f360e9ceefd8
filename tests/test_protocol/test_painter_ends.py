"""How the painter's side lets go of jobs: cancels, acknowledgements, and what an earlier run has left."""

import gc
import sys
import weakref

import pytest
from painter_talk import NO, ONE, PIXELS, TWO, chunk_of, done_of, greet, hear, job_of, said

from protocol import (
    CHUNK_BYTES,
    Acknowledge,
    Cancel,
    Cancelled,
    Extent,
    Failed,
    Job,
    Jobs,
    JobStatus,
    Need,
    Query,
    Raster,
    Refused,
    Result,
    content_name,
)


def test_a_cancel_is_answered_by_the_job_s_end(painter):
    painter.submit(job_of(ONE), {})
    said(painter)
    painter.cancel(ONE)
    assert said(painter) == [Cancel(ONE)]
    assert painter.waiting == (ONE,)
    assert hear(painter, Cancelled(ONE)) == [Cancelled(ONE)]
    painter.cancel(ONE)
    painter.cancel(TWO)
    assert said(painter) == []


def test_a_cancel_that_comes_too_late_changes_nothing(painter):
    painter.submit(job_of(ONE), {})
    said(painter)
    painter.cancel(ONE)
    hear(painter, done_of(ONE, PIXELS))
    assert painter.receive(chunk_of(PIXELS)) == [Result(done_of(ONE, PIXELS), {content_name(PIXELS): PIXELS})]
    painter.submit(job_of(TWO), {})
    hear(painter, done_of(TWO, PIXELS))
    said(painter)
    painter.cancel(TWO)
    assert said(painter) == []
    assert painter.waiting == (TWO,)


def test_a_cancel_of_what_the_backend_does_not_know_is_an_end(painter):
    painter.submit(job_of(ONE), {})
    painter.cancel(ONE)
    assert hear(painter, Refused("cancel", NO, ONE)) == [Cancelled(ONE)]
    assert hear(painter, Refused("cancel", NO, ONE)) == []


@pytest.mark.parametrize(
    ("state", "sends", "news"),
    [
        ("unknown", [], [Cancelled(ONE)]),
        ("receiving", [Cancel(ONE)], []),
        ("queued", [Cancel(ONE)], []),
        ("running", [Cancel(ONE)], []),
        ("done", [], []),
        ("cancelled", [], []),
    ],
)
def test_a_cancel_without_a_connection_is_sent_on_the_next(painter, state, sends, news):
    painter.submit(job_of(ONE), {})
    painter.lost()
    painter.cancel(ONE)
    greet(painter)
    jobs = Jobs((JobStatus(ONE, state),))
    assert hear(painter, jobs) == [jobs, *news]
    assert said(painter) == sends
    assert painter.waiting == (() if news else (ONE,))


def test_a_cancelled_job_sends_no_more_pixels_but_those_that_another_needs(painter):
    contents = {content_name(content): content for content in (b"mine", b"ours")}
    painter.submit(job_of(ONE, b"mine"), contents)
    painter.submit(job_of(TWO, b"ours"), contents)
    painter.submit(job_of("3" * 32, b"ours"), contents)
    hear(painter, Need(tuple(contents)))
    said_before = said(painter)
    assert said_before[-2:] == [b"mine", b"ours"]
    hear(painter, Need(tuple(contents)))
    painter.cancel(ONE)
    painter.cancel(TWO)
    assert said(painter) == [Cancel(ONE), Cancel(TWO), b"ours"]
    painter.cancel("3" * 32)
    hear(painter, Need(tuple(contents)))
    assert said(painter) == [Cancel("3" * 32)]


class Held(dict):
    """Attachments that can be watched."""


@pytest.mark.parametrize("when", ["before the connection", "connected", "asked for", "half sent", "connection lost"])
def test_the_pixels_of_a_cancelled_job_are_let_go_before_its_end(painter, when):
    extent = Extent(1024, CHUNK_BYTES // 1024 + 1)
    pixels = b"x" * extent.area
    image = Raster(content_name(pixels), len(pixels), extent.width, extent.height, "gray")
    held = Held({content_name(pixels): pixels})
    watched = weakref.ref(held)
    if when == "before the connection":
        painter.lost()
    painter.submit(Job(ONE, extent, image=image), held)
    if when in ("asked for", "half sent", "connection lost"):
        said(painter)
        hear(painter, Need((content_name(pixels),)))
    if when == "half sent":
        assert len(painter.next_frame()) > CHUNK_BYTES
    if when == "connection lost":
        painter.lost()
    users = sys.getrefcount(pixels)
    del held
    painter.cancel(ONE)
    gc.collect()
    assert watched() is None
    assert sys.getrefcount(pixels) < users
    assert painter.waiting == (ONE,)


def test_an_acknowledgement_without_a_connection_is_sent_on_the_next(painter):
    painter.submit(job_of(ONE), {})
    hear(painter, Failed(ONE, NO))
    painter.lost()
    painter.acknowledge(ONE)
    assert greet(painter) == [Acknowledge(ONE)]
    painter.lost()
    assert greet(painter) == []


def test_an_acknowledgement_that_may_have_been_lost_is_said_again(painter):
    painter.acknowledge(ONE)
    painter.lost()
    assert greet(painter) == [Acknowledge(ONE)]


def test_a_job_of_an_earlier_run_is_waited_for(painter):
    painter.resume(ONE)
    assert said(painter) == [Query((ONE,))]
    hear(painter, Jobs((JobStatus(ONE, "done"),)), done_of(ONE, PIXELS))
    assert painter.receive(chunk_of(PIXELS)) == [Result(done_of(ONE, PIXELS), {content_name(PIXELS): PIXELS})]


@pytest.mark.parametrize(("state", "sends"), [("unknown", []), ("receiving", [Cancel(ONE)])])
def test_a_job_of_an_earlier_run_that_nobody_can_paint_any_more_is_a_failure(painter, state, sends):
    painter.resume(ONE)
    said(painter)
    _, failed = hear(painter, Jobs((JobStatus(ONE, state),)))
    assert failed.failure.code == "result_gone"
    assert said(painter) == sends
    assert painter.waiting == ()


def test_a_resumed_job_can_be_cancelled_and_its_end_acknowledged_for_good(painter):
    painter.acknowledge(ONE)
    painter.resume(ONE)
    painter.cancel(ONE)
    assert said(painter) == [Acknowledge(ONE), Query((ONE,)), Cancel(ONE)]
    painter.lost()
    # its next end is not acknowledged before it has come
    assert greet(painter) == [Query((ONE,))]
