"""Jobs and the backend under one binding, with a stand-in for Krita and a scripted link. Started by `test_bindings.py`."""

from dataclasses import replace

import krita
import pytest
from stage import (
    MODEL,
    STYLES,
    ScriptedLink,
    active,
    generated,
    kept_files,
    names,
    opened,
    until,
)

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.studio import BackendState, JobStage, NoticeAction, NoticeKind, Settings


def failure(code="broken"):
    return protocol.Failure(code, "It broke.", "Mend it.")


# --- news


def test_each_piece_of_news_is_shown(studio, link):
    job = generated(studio, link, count=2)
    link.news.emit(protocol.Accepted(job.id, 3))
    assert [(view.stage, view.place) for view in studio.jobs] == [(JobStage.QUEUED, 3)]
    assert (studio.backend.state, studio.backend.others) == (BackendState.BUSY, 3)
    link.news.emit(protocol.Queued(job.id, 1))
    assert studio.jobs[0].place == 1
    link.news.emit(protocol.Progress(job.id, 0.25, "painting", 1, 2, 3, 20, 12.5))
    (view,) = studio.jobs
    assert (view.stage, view.fraction, view.seconds_left, view.place) == (JobStage.PAINTING, 0.25, 12.5, None)
    assert (view.picture, view.pictures, view.step, view.steps) == (1, 2, 3, 20)
    assert (studio.backend.state, studio.backend.others) == (BackendState.BUSY, 0)
    pixels = bytes([10, 20, 30]) * 6
    raster = protocol.Raster(protocol.content_name(pixels), 18, 3, 2, "rgb")
    link.news.emit(protocol.PreviewPicture(protocol.Preview(job.id, 1, 3, raster), pixels))
    image = studio.jobs[0].preview
    assert (image.width(), image.height()) == (3, 2)
    assert (image.pixelColor(2, 1).red(), image.pixelColor(2, 1).blue()) == (10, 30)
    link.news.emit(protocol.Progress(job.id, 0.9, "decoding"))
    assert studio.jobs[0].stage is JobStage.DECODING
    assert studio.jobs[0].preview is image


def test_a_failure_says_what_to_do_and_retry_asks_again(studio, link, tmp_path):
    job = generated(studio, link, prompt="an apple", strength=0.3)
    link.news.emit(protocol.Failed(job.id, failure()))
    assert (studio.notice.happened, studio.notice.remedy) == ("It broke.", "Mend it.")
    assert studio.notice.actions == (NoticeAction.RETRY, NoticeAction.OPEN_LOG)
    assert (studio.jobs, link.acknowledged) == ((), [job.id])
    until(lambda: kept_files(tmp_path) == [])
    studio.act(NoticeAction.RETRY)
    assert studio.notice is None
    again = until(lambda: [other for other in link.submitted.values() if other.id != job.id])[0]
    assert (again.prompt, again.strength) == ("an apple", 0.3)


def test_cancel_in_every_stage(studio, link, tmp_path):
    krita.set_stroke(active(), True)
    studio.generate()
    studio.cancel(studio.jobs[0].id)
    krita.set_stroke(active(), False)
    assert (studio.jobs, link.submitted) == ((), {})
    job = generated(studio, link)
    studio.cancel_newest()
    assert [view.stage for view in studio.jobs] == [JobStage.CANCELLING]
    assert link.cancelled == [job.id]
    link.news.emit(protocol.Progress(job.id, 0.5, "painting"))
    assert studio.jobs[0].stage is JobStage.CANCELLING
    link.news.emit(protocol.Cancelled(job.id))
    assert (studio.jobs, studio.notice, link.acknowledged) == ((), None, [job.id])
    # one that is finished before the backend hears of it is not wanted any more
    late = generated(studio, link)
    studio.cancel(late.id)
    link.finish(late)
    assert (studio.jobs, studio.offers, link.acknowledged) == ((), (), [job.id, late.id])
    until(lambda: kept_files(tmp_path) == [])
    studio.cancel("0" * 32)
    studio.cancel_newest()


def test_several_jobs_wait_and_each_is_cancelled_alone(studio, link):
    first, second, third = (generated(studio, link, prompt=word) for word in ("one", "two", "three"))
    assert [view.title for view in studio.jobs] == ["one", "two", "three"]
    studio.cancel(second.id)
    link.news.emit(protocol.Cancelled(second.id))
    assert [view.id for view in studio.jobs] == [first.id, third.id]
    studio.cancel_newest()
    assert link.cancelled == [second.id, third.id]
    # the backend may take a while to hear of it; the next press is for the next one
    studio.cancel_newest()
    assert link.cancelled == [second.id, third.id, first.id]
    studio.cancel_newest()
    assert link.cancelled == [second.id, third.id, first.id]


# --- the backend


def test_generate_starts_the_backend_and_the_wish_waits(link, begin):
    opened()
    studio = begin(link)
    link.stand(LinkState.ABSENT)
    assert studio.backend.state is BackendState.NOT_RUNNING
    assert (studio.backend.can_start, studio.backend.can_stop, studio.can_generate) == (True, False, True)
    studio.generate()
    assert link.starts == 1
    link.stand(LinkState.STARTING)
    link.stand(LinkState.CONNECTING)
    assert [view.stage for view in studio.jobs] == [JobStage.PREPARING]
    until(lambda: not studio._queue.unread)
    # the canvas is the one at the moment of the press
    link.welcome()
    (job,) = until(lambda: list(link.submitted.values()))
    assert job.style == STYLES[0]
    assert link.starts == 1
    assert (studio.backend.state, studio.backend.device) == (BackendState.READY, "a card")
    assert studio.backend.can_stop


def test_a_backend_that_does_not_start_is_told_of_and_ends_the_wish(link, begin, tmp_path):
    opened()
    studio = begin(link)
    link.stand(LinkState.ABSENT)
    studio.generate()
    until(lambda: kept_files(tmp_path))
    link.stand(LinkState.STARTING)
    link.stand(LinkState.ABSENT, failure("not_started"))
    assert studio.notice.kind is NoticeKind.ERROR
    assert set(studio.notice.actions) == {NoticeAction.START, NoticeAction.RETRY, NoticeAction.OPEN_LOG}
    assert (studio.jobs, studio.backend.trouble.code, link.starts) == ((), "not_started", 1)
    until(lambda: kept_files(tmp_path) == [])
    studio.act(NoticeAction.START)
    assert (studio.notice, link.starts) == (None, 2)


def test_a_notice_of_a_backend_that_was_not_there_goes_when_it_is(link, begin):
    studio = begin(link)
    link.stand(LinkState.ABSENT, failure("not_started"))
    assert studio.notice is not None
    link.welcome()
    assert studio.notice is None


def test_a_lost_connection_is_told_of_and_the_job_waits(studio, link):
    job = generated(studio, link)
    link.news.emit(protocol.Progress(job.id, 0.5, "painting"))
    link.stand(LinkState.LOST)
    assert studio.backend.state is BackendState.LOST
    assert [(view.stage, view.fraction) for view in studio.jobs] == [(JobStage.PREPARING, 0)]
    assert studio.notice.kind is NoticeKind.WARNING
    link.stand(LinkState.ABSENT)
    # nobody but the painter's job wants one, and that is reason enough
    assert link.starts == 1
    link.welcome()
    assert studio.notice is None
    link.news.emit(protocol.Jobs((protocol.JobStatus(job.id, "unknown"),)))
    assert studio.jobs[0].stage is JobStage.SENDING
    link.finish(job)
    until(lambda: len(names(active())) == 2)
    assert len(link.submitted) == 1


def test_a_backend_that_ends_again_and_again_is_not_started_for_ever(studio, link):
    generated(studio, link)
    for _ in range(6):
        link.stand(LinkState.ABSENT)
        link.stand(LinkState.STARTING)
        link.stand(LinkState.READY)
    link.stand(LinkState.ABSENT)
    assert link.starts == 3
    assert "several times" in studio.notice.happened
    assert [view.stage for view in studio.jobs] == [JobStage.PREPARING]
    studio.act(NoticeAction.START)
    assert link.starts == 4


def test_a_backend_that_nobody_wants_is_not_started(studio, link):
    link.stand(LinkState.LOST)
    link.stand(LinkState.ABSENT)
    assert (link.starts, studio.notice) == (0, None)


def test_a_cancelled_job_is_not_shown_while_nobody_can_hear_of_it(studio, link):
    job = generated(studio, link)
    link.stand(LinkState.LOST)
    studio.cancel(job.id)
    assert studio.jobs == ()
    link.welcome()
    assert [view.stage for view in studio.jobs] == [JobStage.CANCELLING]
    link.news.emit(protocol.Cancelled(job.id))
    assert studio.jobs == ()


def test_stop_asks_first_while_jobs_run(studio, link):
    studio.stop_backend()
    assert link.requests[-1] == protocol.Shutdown(False)
    link.news.emit(protocol.Refused("shutdown", failure("jobs_running")))
    assert studio.notice.actions == (NoticeAction.STOP_ANYWAY,)
    job = generated(studio, link)
    studio.act(NoticeAction.STOP_ANYWAY)
    assert link.requests[-1] == protocol.Shutdown(True)
    link.news.emit(protocol.Failed(job.id, failure("server_stopping")))
    link.stand(LinkState.LOST)
    link.stand(LinkState.ABSENT)
    assert link.starts == 0
    assert studio.notice.happened == "It broke."


def test_a_backend_that_the_painter_stopped_stays_stopped_until_it_is_wanted(studio, link):
    job = generated(studio, link)
    studio.stop_backend(True)
    link.stand(LinkState.LOST)
    link.stand(LinkState.ABSENT)
    # it went before it told how the job ended
    assert [view.id for view in studio.jobs] == [job.id]
    assert (link.starts, studio.notice) == (0, None)
    studio.generate()
    assert link.starts == 1


def test_styles_and_those_of_a_backend_that_has_none(studio, link):
    assert studio.styles == STYLES
    assert studio.styles_folder == "/styles"
    job = generated(studio, link, style="Ink")
    assert job.style == STYLES[1]
    link.stand(LinkState.LOST)
    link.stand(LinkState.READY)
    assert {type(request) for request in link.requests} >= {protocol.ListModels, protocol.ListStyles}
    link.news.emit(protocol.Models((MODEL, replace(MODEL, id="other", name="Other"))))
    link.news.emit(protocol.Refused("list_styles", failure("unknown_request")))
    assert [style.name for style in studio.styles] == ["Model", "Other"]


def test_models_that_cannot_be_listed_end_the_wish_with_a_word_and_are_asked_for_again(link, begin):
    opened()
    studio = begin(link)
    link.stand(LinkState.READY)
    studio.generate()
    link.news.emit(protocol.Styles(STYLES))
    assert [view.stage for view in studio.jobs] == [JobStage.PREPARING]
    link.news.emit(protocol.Refused("list_models", failure("internal")))
    until(lambda: studio.jobs == ())
    assert (studio.notice.happened, studio.notice.actions) == ("It broke.", (NoticeAction.RETRY,))
    link.requests.clear()
    studio.act(NoticeAction.RETRY)
    assert link.requests == [protocol.ListModels()]
    link.news.emit(protocol.Models((MODEL,)))
    until(lambda: link.submitted)


def test_models_and_styles_that_were_known_are_used_while_they_cannot_be_listed(studio, link):
    studio.change(replace(studio.settings, style="Ink"))
    link.stand(LinkState.LOST)
    link.stand(LinkState.READY)
    link.news.emit(protocol.Refused("list_models", failure("internal")))
    link.news.emit(protocol.Refused("list_styles", failure("internal")))
    assert (studio.styles, studio.styles_folder) == (STYLES, "/styles")
    link.requests.clear()
    studio.generate()
    assert link.requests == [protocol.ListModels()]
    link.news.emit(protocol.Refused("list_models", failure("internal")))
    until(lambda: link.submitted)
    assert studio.notice is None


def test_a_style_that_is_gone_is_told_of(studio, link):
    studio.change(Settings(style="Nowhere"))
    studio.generate()
    assert "'Nowhere'" in studio.notice.happened
    assert studio.jobs == ()
    link.news.emit(protocol.Models((replace(MODEL, problem="Its file is cut off."),)))
    studio.change(Settings(style="Ink"))
    studio.generate()
    assert "Its file is cut off." in studio.notice.happened
    assert link.submitted == {}


def test_a_prompt_that_is_too_long_is_told_of(studio, link):
    studio.change(Settings(prompt="a" * (protocol.MAX_PROMPT_CHARS + 1)))
    studio.generate()
    assert "characters" in studio.notice.happened
    assert studio.jobs == ()


def test_letters_that_cannot_travel_are_left_out(studio, link):
    assert generated(studio, link, prompt="a\x00b\ud800c", negative="\udfffd").prompt == "abc"


def test_a_new_krita_offers_what_the_last_one_asked_for(studio, link, begin, tmp_path):
    document = active()
    job = generated(studio, link, prompt="an apple")
    # killed: nothing of it is told to anybody
    studio.close()
    other = ScriptedLink()
    krita.Krita.instance()._documents.clear()
    krita.Krita.instance()._active = None
    again = begin(other)
    other.stand(LinkState.ABSENT)
    until(lambda: again._queue._earlier)
    assert (again.jobs, other.starts) == ((), 0)
    krita.Krita.instance()._documents.append(document._inner)
    krita.show(document)
    again.refresh()
    # its document is open: the backend that has the result is started
    assert other.starts == 1
    other.welcome()
    assert other.resumed == [job.id]
    assert [(view.stage, view.title) for view in again.jobs] == [(JobStage.FETCHING, "an apple")]
    other.finish(job)
    until(lambda: again.offers)
    assert again.jobs == ()
    assert names(document) == ["Background"]
    again.apply(job.id, 0)
    until(lambda: names(document) == ["Background", "an apple"])
    assert other.acknowledged == [job.id]
    until(lambda: kept_files(tmp_path) == [])


def test_a_new_krita_is_told_what_is_gone_and_does_not_show_what_was_cancelled(studio, link, begin, tmp_path):
    gone, cancelled, half = (generated(studio, link, prompt=word, count=2) for word in ("gone", "no", "half"))
    studio.cancel(cancelled.id)
    link.finish(half)
    until(lambda: studio.offers)
    studio.discard(half.id, 0)
    studio.close()
    other = ScriptedLink()
    again = begin(other)
    until(lambda: again._queue._earlier)
    other.welcome()
    assert sorted(other.resumed) == sorted([gone.id, cancelled.id, half.id])
    assert other.cancelled == [cancelled.id]
    other.news.emit(protocol.Cancelled(cancelled.id))
    other.news.emit(protocol.Failed(gone.id, failure("result_gone")))
    assert "'gone', asked for before Krita ended" in again.notice.happened
    assert again.notice.actions == ()
    other.finish(half)
    until(lambda: again.offers)
    assert [offer.index for offer in again.offers] == [1]
    until(lambda: kept_files(tmp_path) == [f"{half.id}.json"])


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_new_krita_starts_no_backend_for_what_was_cancelled(studio, link, begin, tmp_path, cancelled):
    job = generated(studio, link)
    if cancelled:
        studio.cancel(job.id)
    studio.close()
    other = ScriptedLink()
    other.state = LinkState.ABSENT
    again = begin(other)
    until(lambda: again._queue._earlier)
    assert other.starts == (0 if cancelled else 1)
    other.welcome()
    # when one is there, it is told
    assert other.cancelled == ([job.id] if cancelled else [])
