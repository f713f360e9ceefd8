"""How much the desk takes: of jobs, of pixels, and of uploads that were begun and left."""

from __future__ import annotations

import pytest

from backend.jobs import Attachments, Desk, Spool
from backend.jobs.admission import MAX_WAITING
from protocol import Accepted, Limits


async def test_the_queue_is_bounded_for_each_and_for_all(desk, ana, ben, tools):
    most = Limits().queued_jobs
    for _ in range(most):
        desk.submit("ana", tools.new_job(), ana)
    with pytest.raises(tools.Refusal) as refused:
        desk.submit("ana", tools.new_job(), ana)
    assert refused.value.failure.code == "queue_full"
    desk.submit("ben", tools.new_job(), ben)
    for number in range(MAX_WAITING - most - 1):
        desk.submit(f"guest {number}", tools.new_job(), ben)
    with pytest.raises(tools.Refusal) as refused:
        desk.submit("one too many", tools.new_job(), ben)
    assert refused.value.failure.code == "server_full"


async def test_announced_limits_are_kept(hand, tmp_path, tools):
    from protocol import Style

    desk = Desk(
        hand, tools.plan_of, Spool(tmp_path), Limits(pixels=255, count=2, steps=20, side=15, content_bytes=1023)
    )
    ana = tools.Listener()
    big, _ = tools.job_with_image()
    small = Limits()
    for job in (tools.new_job(), tools.new_job(count=3), tools.new_job(style=Style(steps=21)), big):
        with pytest.raises(tools.Refusal) as refused:
            desk.submit("ana", job, ana)
        assert refused.value.failure.code == "beyond_limit"
        Desk(hand, tools.plan_of, Spool(tmp_path / "other"), small).submit("ana", job, ana)


async def test_more_pixels_than_a_result_may_have_are_refused(desk, ana):
    import uuid

    from protocol import Extent, Job

    job = Job(uuid.uuid4().hex, Extent(8192, 8192), count=16)
    with pytest.raises(Exception, match="MiB") as refused:
        desk.submit("ana", job, ana)
    assert refused.value.failure.code == "result_too_large"


async def test_a_cancelled_upload_is_asked_for_anew_by_the_next_job_at_once(desk, ana, tools):
    """Cancel and generate again: the reader has stopped sending, so the picture must be forgotten before it is asked for."""
    first, _ = tools.job_with_image()
    again, content = tools.job_with_image()
    desk.submit("ana", first, ana)
    desk.cancel("ana", first.id, ana)
    desk.submit("ana", again, ana)
    assert ana.forgotten == [first.image.content]
    assert ana.asked == [first.image, again.image]
    desk.arrived("ana", again.image.content, content)
    assert Accepted(again.id, 0) in ana.events


async def test_what_another_reader_was_to_bring_does_not_keep_a_cancelled_upload_expected(desk, ana, tools):
    first, _ = tools.job_with_image()
    second, _ = tools.job_with_image()
    other = type(ana)()
    desk.attach("ana", other)
    desk.submit("ana", first, ana)
    desk.submit("ana", second, other)
    desk.cancel("ana", second.id, other)
    assert other.forgotten == [second.image.content]
    assert ana.forgotten == []


async def test_what_another_job_of_the_same_reader_needs_stays_expected(desk, ana, tools):
    first, _ = tools.job_with_image()
    second, content = tools.job_with_image()
    desk.submit("ana", first, ana)
    desk.submit("ana", second, ana)
    desk.cancel("ana", first.id, ana)
    assert ana.forgotten == []
    desk.arrived("ana", second.image.content, content)
    assert Accepted(second.id, 0) in ana.events


async def test_an_upload_that_was_left_holds_no_room(hand, tmp_path, tools):
    (left, content), (following, _) = tools.job_with_image(1), tools.job_with_image(2)
    desk = Desk(hand, tools.plan_of, Spool(tmp_path), Limits(), Attachments(held_bytes=len(content)))
    await desk.start()
    for job in (left, following):
        reader = tools.Listener()
        desk.attach("ana", reader)
        desk.submit("ana", job, reader)
        assert reader.asked == [job.image]
        desk.detach("ana", reader)
    await desk.close()
