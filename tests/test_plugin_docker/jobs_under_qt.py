"""What the docker tells of jobs and of what went wrong, against a double of the studio. Started by `test_bindings.py`."""

from pathlib import Path

import pytest
from double import image, job
from room import part, parts, settle

from krita_plugin.bundled import protocol
from krita_plugin.docker import opening, words
from krita_plugin.qt import QtCore, QtGui, QtWidgets
from krita_plugin.studio import (
    BackendState,
    BackendView,
    JobStage,
    Notice,
    NoticeAction,
    NoticeKind,
)

FAILURE = protocol.Failure("broken", "The backend broke.", "Start it again.")


# --- jobs


def test_rows_follow_their_jobs(studio, panel):
    studio.set(jobs=(job("one"), job("two", JobStage.QUEUED, place=2, document="Other.kra")))
    first, second = parts(panel, "scumbleJob")
    assert part(first, "scumbleJobStage").text() == "Painting, step 7 of 20"
    assert part(first, "scumbleJobLeft").text() == "about 12 s"
    assert part(first, "scumbleProgress").value() == 350
    assert part(second, "scumbleJobTitle").text() == "a red apple on a plate, two (Other.kra)"
    assert part(second, "scumbleJobStage").text() == "2 before yours"
    assert not part(second, "scumbleProgress").isVisible()
    part(second, "scumbleJobCancel").click()
    assert studio.done("cancel") == [("two",)]
    studio.set(jobs=(job("two", JobStage.CANCELLING), job("three")))
    settle()
    rows = parts(panel, "scumbleJob")
    assert rows[0] is second or rows[1] is second
    assert first not in rows
    assert not part(second, "scumbleJobCancel").isEnabled()
    tops = {row: row.y() for row in rows}
    assert min(tops, key=tops.get) is second
    studio.set(jobs=())
    assert not part(panel, "scumbleJobs").isVisible()


def test_the_line_at_the_top_tells_how_far_it_is(studio, panel):
    """In a low docker the jobs' own rows are out of sight."""
    studio.set(backend=BackendView(BackendState.BUSY, device="A card"))
    glance = part(panel, "scumbleGlance")
    said = []
    for jobs in (
        (job(fraction=0.0, seconds_left=None),),
        (job("one"), job("two", JobStage.QUEUED)),
        (job("one", JobStage.FETCHING), job("two", fraction=0.5, seconds_left=None)),
        (job("one", JobStage.CANCELLING),),
        (),
    ):
        studio.set(jobs=jobs)
        said.append(glance.text())
    assert said == ["A card", "35 %, about 12 s", "50 %", "A card", "A card"]


def test_progress_touches_no_other_widget(studio, panel):
    look = image("red")
    waiting = job("two", JobStage.QUEUED, place=1)
    studio.set(jobs=(job("one", preview=look), waiting))
    first, second = parts(panel, "scumbleJob")
    settle()
    layouts = Layouts()
    QtWidgets.QApplication.instance().installEventFilter(layouts)
    try:
        studio.set(jobs=(job("one", fraction=0.36, preview=look), waiting))
        settle()
    finally:
        QtWidgets.QApplication.instance().removeEventFilter(layouts)
    assert parts(panel, "scumbleJob") == [first, second]
    assert part(first, "scumbleProgress").value() == 360
    assert layouts.asked == []


class Layouts(QtCore.QObject):
    """Notes which widgets had to be laid out anew."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def eventFilter(self, watched, event):
        if event.type() == QtCore.QEvent.Type.LayoutRequest:
            self.asked.append(watched)
        return False


def test_the_newest_look_is_shown(studio, panel):
    first, second = image("red"), image("blue")
    studio.set(jobs=(job(),))
    assert parts(panel, "scumblePreview") == []
    for look in (first, second):
        studio.set(jobs=(job(preview=look),))
        settle()
        (preview,) = parts(panel, "scumblePreview")
        seen = preview.grab().toImage()
        middle = seen.pixelColor(seen.width() // 2, seen.height() // 2)
        assert middle.name() == look.pixelColor(0, 0).name()
    assert preview.height() == preview.width() * 160 // 256


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (job(stage=JobStage.QUEUED, place=None), "Waiting"),
        (job(stage=JobStage.QUEUED, place=0), "Next in line"),
        (job(stage=JobStage.QUEUED, place=1), "1 before yours"),
        (job(pictures=4, picture=1), "Painting 2 of 4, step 7 of 20"),
        (job(steps=0), "Painting"),
        (job(stage=JobStage.PLACING), "Done; waits for your stroke to end"),
    ],
)
def test_stages_in_words(view, said):
    assert words.stage_words(view) == said


def test_every_stage_has_words():
    assert all(words.stage_words(job(stage=stage)) for stage in JobStage)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (-1, ""),
        (0, "about 1 s"),
        (11.2, "about 12 s"),
        (59.9, "about 60 s"),
        (60, "about 1 min"),
        (200, "about 3 min"),
        (7300, "about 2 h"),
    ],
)
def test_times_in_words(seconds, said):
    assert words.time_words(seconds) == said


# --- notices


def test_a_notice_is_told_and_dismissed(studio, panel):
    studio.set(notice=Notice(NoticeKind.ERROR, "5 < 6 & it broke.", "Mend it.", (NoticeAction.START,)))
    assert part(panel, "scumbleNotice").isVisible()
    assert part(panel, "scumbleNoticeText").text() == "5 < 6 & it broke.\nMend it."
    assert "5 < 6 & it broke." in part(panel, "scumbleNoticeText").toPlainText()
    assert part(panel, "scumbleNoticeStart").isVisible()
    for name in ("scumbleOpenLog", "scumbleNoticeRetry", "scumbleNoticeStopAnyway"):
        assert not part(panel, name).isVisible(), name
    part(panel, "scumbleNoticeDismiss").click()
    assert studio.done("dismiss_notice") == [()]
    studio.set(notice=None)
    assert not part(panel, "scumbleNotice").isVisible()


def test_every_action_has_a_button_that_does_it(studio, panel):
    studio.set(notice=Notice(NoticeKind.WARNING, "It broke.", "", tuple(NoticeAction)))
    for name in ("scumbleNoticeStart", "scumbleNoticeRetry", "scumbleNoticeStopAnyway"):
        part(panel, name).click()
    assert studio.done("act") == [(NoticeAction.START,), (NoticeAction.RETRY,), (NoticeAction.STOP_ANYWAY,)]


def test_log_and_styles_are_opened_and_what_is_not_there_is_said(studio, panel, tmp_path, monkeypatch):
    opened, said = [], []
    monkeypatch.setattr(QtGui.QDesktopServices, "openUrl", lambda url: opened.append(Path(url.toLocalFile())) or True)
    monkeypatch.setattr(opening, "_tell", lambda words, beside: said.append(words))
    studio.log_file = tmp_path / "plugin.log"
    studio.set(notice=Notice(NoticeKind.ERROR, "It broke.", "", (NoticeAction.OPEN_LOG,)), styles_folder=str(tmp_path))
    part(panel, "scumbleOpenLog").click()
    assert opened == []
    assert str(studio.log_file) in said[0]
    studio.log_file.write_text("")
    part(panel, "scumbleOpenLog").click()
    part(panel, "scumbleOpenStyles").click()
    assert opened == [studio.log_file, tmp_path]
    assert studio.done("act") == []
    studio.set(styles_folder="")
    assert not part(panel, "scumbleOpenStyles").isEnabled()
