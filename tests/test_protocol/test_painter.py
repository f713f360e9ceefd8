"""The painter's side, message by message. What happens over many connections is in test_painter_reconnects.py."""

import pytest

from protocol import (
    EVENTS,
    MAX_QUERY_IDS,
    REQUESTS,
    Accepted,
    Acknowledge,
    Bounds,
    Cancel,
    Cancelled,
    Done,
    Extent,
    Failed,
    Failure,
    Goodbye,
    Hello,
    Job,
    Jobs,
    JobStatus,
    ListModels,
    Loras,
    Models,
    Need,
    Painter,
    Picture,
    PreviewPicture,
    Progress,
    Query,
    Queued,
    Raster,
    Refused,
    Result,
    Styles,
    Submit,
    Welcome,
    content_name,
    decode_message,
    encode_chunk,
    encode_message,
)

ONE, TWO = "1" * 32, "2" * 32
PIXELS = b"painted!"
NO = Failure("queue_full", "The queue is full.", "Wait.")


def raster_of(content):
    return Raster(content_name(content), len(content), len(content), 1, "gray")


def job_of(job_id, content=None):
    image = raster_of(content) if content else None
    return Job(job_id, image.extent if image else Extent(4, 4), image=image)


def done_of(job_id, *contents):
    rasters = [raster_of(content) for content in contents]
    return Done(job_id, tuple(Picture(raster, Bounds.of(raster.extent), 0) for raster in rasters))


def said(painter):
    """Return what the painter sends: messages, and chunks as their payloads."""
    frames = []
    while (frame := painter.next_frame()) is not None:
        frames.append(decode_message(frame, REQUESTS) if isinstance(frame, str) else bytes(frame[52:]))
    return frames


def hear(painter, *messages):
    return [news for message in messages for news in painter.receive(encode_message(message))]


def chunk_of(content, preview=False):
    return encode_chunk(content_name(content), 0, content, preview)


@pytest.fixture
def painter():
    """A painter that is connected and greeted, and has said nothing else."""
    made = Painter("an installation", "a client")
    greet(made)
    return made


def greet(painter):
    painter.connected()
    hear(painter, Welcome("a server"))
    hello, *rest = said(painter)
    assert hello == Hello("an installation", "a client")
    return rest


def test_a_job_from_submit_to_result(painter):
    image = b"the canvas"
    job = job_of(ONE, image)
    painter.submit(job, {content_name(image): image})
    assert said(painter) == [Submit(job)]
    assert hear(painter, Need((content_name(image),))) == []
    assert said(painter) == [image]
    news = [Accepted(ONE, 1), Queued(ONE, 0), Progress(ONE, 0.5, "painting")]
    assert hear(painter, *news) == news
    assert painter.waiting == (ONE,)
    done = done_of(ONE, PIXELS)
    assert hear(painter, done) == []
    assert said(painter) == [Need((content_name(PIXELS),))]
    assert painter.receive(chunk_of(PIXELS)) == [Result(done, {content_name(PIXELS): PIXELS})]
    assert painter.waiting == ()
    assert said(painter) == []
    painter.acknowledge(ONE)
    assert said(painter) == [Acknowledge(ONE)]


@pytest.mark.parametrize("end", [Failed(ONE, NO), Cancelled(ONE), Refused("submit", NO, ONE)])
def test_an_end_without_pictures_is_told_once(painter, end):
    painter.submit(job_of(ONE), {})
    assert hear(painter, end) == [Failed(ONE, NO) if isinstance(end, Refused) else end]
    assert painter.waiting == ()
    if not isinstance(end, Refused):
        assert hear(painter, end) == []


def test_a_result_without_pictures_is_one(painter):
    painter.submit(job_of(ONE), {})
    assert hear(painter, done_of(ONE)) == [Result(done_of(ONE), {})]


def test_pictures_alike_are_sent_once_and_arrive_in_both_jobs(painter):
    painter.submit(job_of(ONE), {})
    painter.submit(job_of(TWO), {})
    said(painter)
    hear(painter, done_of(ONE, PIXELS, PIXELS), done_of(TWO, PIXELS))
    assert said(painter) == [Need((content_name(PIXELS),))]
    contents = {content_name(PIXELS): PIXELS}
    assert painter.receive(chunk_of(PIXELS)) == [
        Result(done_of(ONE, PIXELS, PIXELS), contents),
        Result(done_of(TWO, PIXELS), contents),
    ]


def test_what_is_told_of_jobs_that_nobody_waits_for_is_no_news(painter, picture_of):
    painter.submit(job_of(ONE), {})
    hear(painter, Cancelled(ONE))
    late = [Accepted(ONE, 0), Queued(ONE, 0), Progress(ONE, 0.5, "painting"), done_of(ONE, PIXELS), Failed(ONE, NO)]
    assert hear(painter, *late) == []
    hear(painter, picture_of(b"abc", ONE, 1))
    assert painter.receive(chunk_of(b"abc", preview=True)) == []
    assert hear(painter, Models(()), Goodbye(NO)) == [Models(()), Goodbye(NO)]


def test_previews_are_news(painter, picture_of):
    painter.submit(job_of(ONE), {})
    hear(painter, picture_of(b"abc", ONE, 1))
    assert painter.receive(chunk_of(b"abc", preview=True)) == [PreviewPicture(picture_of(b"abc", ONE, 1), b"abc")]


def test_an_end_that_is_told_again_is_acknowledged_again(painter):
    for job_id, end in ((ONE, done_of(ONE, PIXELS)), (TWO, Failed(TWO, NO))):
        painter.submit(job_of(job_id), {})
        hear(painter, end)
    painter.receive(chunk_of(PIXELS))
    said(painter)
    # while it is not safe, it is not acknowledged
    assert hear(painter, done_of(ONE, PIXELS), Failed(TWO, NO)) == []
    assert said(painter) == []
    painter.acknowledge(ONE)
    painter.acknowledge(TWO)
    said(painter)
    assert hear(painter, done_of(ONE, PIXELS), Failed(TWO, NO)) == []
    assert said(painter) == [Acknowledge(ONE), Acknowledge(TWO)]


def test_the_end_of_another_process_of_this_installation_is_not_ours_to_acknowledge(painter):
    assert hear(painter, done_of(ONE, PIXELS), Failed(TWO, NO), Cancelled("3" * 32)) == []
    assert said(painter) == []


def test_jobs_wait_for_a_connection_and_for_the_greeting():
    painter = Painter("an installation", "a client")
    painter.submit(job_of(ONE), {})
    assert painter.next_frame() is None
    assert painter.receive("whatever") == []
    painter.connected()
    painter.submit(job_of(TWO), {})
    assert not painter.ready
    assert said(painter) == [Hello("an installation", "a client")]
    assert hear(painter, Welcome("a server")) == [Welcome("a server")]
    assert painter.ready
    assert said(painter) == [Query((ONE, TWO))]
    jobs = Jobs((JobStatus(ONE, "unknown"), JobStatus(TWO, "running")))
    assert hear(painter, jobs) == [jobs]
    assert said(painter) == [Submit(job_of(ONE))]


@pytest.mark.parametrize("state", ["queued", "running", "done", "failed", "cancelled"])
def test_a_job_that_the_backend_has_is_not_submitted_again(painter, state):
    painter.submit(job_of(ONE), {})
    painter.lost()
    assert greet(painter) == [Query((ONE,))]
    hear(painter, Jobs((JobStatus(ONE, state),)))
    assert said(painter) == []
    assert painter.waiting == (ONE,)


def test_a_job_whose_pixels_were_still_on_their_way_is_submitted_again(painter):
    painter.submit(job_of(ONE, b"canvas"), {content_name(b"canvas"): b"canvas"})
    painter.lost()
    greet(painter)
    hear(painter, Jobs((JobStatus(ONE, "receiving"),)))
    assert said(painter) == [Submit(job_of(ONE, b"canvas"))]
    hear(painter, Need((content_name(b"canvas"),)))
    assert said(painter) == [b"canvas"]


def test_a_result_lost_in_transfer_is_asked_for_again(painter):
    painter.submit(job_of(ONE), {})
    hear(painter, done_of(ONE, b"first", b"second"))
    assert painter.receive(chunk_of(b"first")) == []
    painter.lost()
    assert greet(painter) == [Query((ONE,))]
    hear(painter, Jobs((JobStatus(ONE, "done"),)), done_of(ONE, b"first", b"second"))
    assert said(painter) == [Need((content_name(b"second"),))]
    (result,) = painter.receive(chunk_of(b"second"))
    assert dict(result.contents) == {content_name(b"first"): b"first", content_name(b"second"): b"second"}


def test_a_result_that_the_backend_has_lost_is_painted_anew_and_can_be_cancelled(painter):
    painter.submit(job_of(ONE), {})
    hear(painter, done_of(ONE, PIXELS))
    painter.lost()
    greet(painter)
    hear(painter, Jobs((JobStatus(ONE, "unknown"),)))
    assert said(painter) == [Submit(job_of(ONE))]
    painter.cancel(ONE)
    assert said(painter) == [Cancel(ONE)]
    assert hear(painter, Cancelled(ONE)) == [Cancelled(ONE)]


def test_only_pictures_of_this_end_are_in_the_result(painter):
    painter.submit(job_of(ONE), {})
    hear(painter, done_of(ONE, b"old one", b"old two"))
    painter.receive(chunk_of(b"old one"))
    painter.lost()
    greet(painter)
    hear(painter, Jobs((JobStatus(ONE, "unknown"),)), done_of(ONE, PIXELS))
    assert painter.receive(chunk_of(PIXELS)) == [Result(done_of(ONE, PIXELS), {content_name(PIXELS): PIXELS})]


def test_a_result_whose_pixels_are_gone_is_a_failure_that_says_so(painter):
    painter.submit(job_of(ONE), {})
    hear(painter, done_of(ONE, b"first", b"second"))
    (news,) = hear(painter, Refused("need", NO, content_name(b"second")))
    assert isinstance(news, Failed)
    assert news.failure.code == "result_gone"
    assert painter.waiting == ()
    assert painter.receive(chunk_of(b"first")) == []
    # the same seed gives the same picture, whose name is then the same again
    said(painter)
    painter.submit(job_of(TWO), {})
    hear(painter, done_of(TWO, b"second"))
    assert said(painter) == [Submit(job_of(TWO)), Need((content_name(b"second"),))]


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


def test_what_cannot_be_waited_for_is_refused_at_once(painter):
    with pytest.raises(ValueError, match="32 lower-case hexadecimal digits"):
        painter.resume("../etc/passwd")
    with pytest.raises(ValueError, match="1 of the job's attachments are missing"):
        painter.submit(job_of(ONE, b"canvas"), {})
    painter.submit(job_of(ONE), {})
    with pytest.raises(ValueError, match="is waiting already"):
        painter.submit(job_of(ONE), {})
    assert painter.waiting == (ONE,)


def test_the_number_of_waiting_jobs_has_a_bound_that_one_query_can_name(painter):
    for number in range(MAX_QUERY_IDS):
        painter.submit(job_of(f"{number:032x}"), {})
    with pytest.raises(ValueError, match="1000 jobs are waiting already"):
        painter.submit(job_of("f" * 32), {})
    with pytest.raises(ValueError, match="1000 jobs are waiting already"):
        painter.resume("f" * 32)
    painter.resume("0" * 32)
    painter.lost()
    (query,) = greet(painter)
    assert len(query.ids) == MAX_QUERY_IDS


def test_requests_about_no_job_need_a_connection(painter):
    painter.request(ListModels())
    assert said(painter) == [ListModels()]
    painter.lost()
    with pytest.raises(ConnectionError):
        painter.request(ListModels())


def test_every_event_is_dealt_with(painter):
    """No event of the contract is taken for something else, or breaks the painter's side."""
    handled = {"welcome", "need", "lies", "preview"}
    examples = [
        Jobs(()), Models(()), Styles(()), Loras(()), Accepted(ONE, 0), Queued(ONE, 0), Progress(ONE, 0.1, "loading"), done_of(ONE, PIXELS),
        Failed(ONE, NO), Cancelled(ONE), Refused("get_status", NO), Goodbye(NO),
        decode_message('{"type":"status","server":"","process":1,"uptime":1,"worker":"busy","device":null,"queued":0,'
                       '"running":1,"clients":1,"spooled":0,"log":""}', EVENTS),
    ]  # fmt: skip
    assert {type(event) for event in examples} == {cls for name, cls in EVENTS.items() if name not in handled}
    for event in examples:
        assert hear(painter, event) in ([], [event])
