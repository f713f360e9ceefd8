"""The painter's side, message by message. What happens over many connections is in test_painter_reconnects.py."""

import pytest
from painter_talk import NO, ONE, PIXELS, TWO, apart_of, chunk_of, done_of, greet, hear, job_of, said

from protocol import (
    EVENTS,
    MAX_QUERY_IDS,
    Accepted,
    Acknowledge,
    Cancel,
    Cancelled,
    Failed,
    Goodbye,
    Hello,
    Jobs,
    JobStatus,
    ListModels,
    Loras,
    Models,
    Need,
    Painter,
    PreviewPicture,
    Progress,
    Query,
    Queued,
    Refused,
    Result,
    Styles,
    Submit,
    Welcome,
    content_name,
    decode_message,
)


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


def test_a_result_is_whole_when_its_layers_have_arrived(painter):
    painter.submit(job_of(ONE), {})
    said(painter)
    # a layer with nothing on it may be like another one
    done = apart_of(ONE, b"seen", b"back", b"none", b"none")
    assert hear(painter, done) == []
    assert said(painter) == [Need(tuple(map(content_name, (b"seen", b"back", b"none"))))]
    assert painter.receive(chunk_of(b"seen")) + painter.receive(chunk_of(b"none")) == []
    painter.lost()
    painter.connected()
    assert hear(painter, Welcome("a backend"), done) == [Welcome("a backend")]
    assert Need((content_name(b"back"),)) in said(painter)
    contents = {content_name(data): data for data in (b"seen", b"back", b"none")}
    assert painter.receive(chunk_of(b"back")) == [Result(done, contents)]


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
