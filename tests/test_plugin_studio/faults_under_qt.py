"""Faults of our own: each becomes a notice, ends what it met, and loses no picture."""

import krita
from stage import (
    Heard,
    active,
    generated,
    kept_files,
    names,
    until,
)

from krita_plugin import canvas
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore
from krita_plugin.studio import NoticeKind, placing, results


def test_a_fault_becomes_a_notice_and_ends_the_job(studio, link, monkeypatch, caplog):
    monkeypatch.setattr(krita.Document, "pixelData", lambda *_: 1 / 0)
    studio.generate()
    assert studio.notice.kind is NoticeKind.ERROR
    assert "ZeroDivisionError" in studio.notice.happened
    assert studio.jobs == ()
    assert [record for record in caplog.records if record.exc_info]
    caplog.clear()


def test_a_fault_beside_the_main_thread_becomes_a_notice(studio, link, monkeypatch, caplog):
    monkeypatch.setattr(canvas.Pixels, "raster", lambda _: 1 / 0)
    studio.generate()
    until(lambda: studio.notice)
    assert "ZeroDivisionError" in studio.notice.happened
    assert studio.jobs == ()
    caplog.clear()


def test_a_fault_while_a_layer_is_added_is_told_of_once(studio, link, monkeypatch, caplog):
    job = generated(studio, link)
    monkeypatch.setattr(krita.Document, "createNode", lambda *_: 1 / 0)
    link.finish(job)
    until(lambda: studio.offers)
    assert "ZeroDivisionError" in studio.notice.happened
    assert studio.jobs == ()
    assert len([record for record in caplog.records if record.exc_info]) == 1
    caplog.clear()
    monkeypatch.undo()
    studio.apply(job.id, 0)
    until(lambda: len(names(active())) == 2)


def test_a_fault_while_pixels_are_made_krita_s_leaves_the_picture_to_be_applied(studio, link, monkeypatch, caplog):
    job = generated(studio, link)
    monkeypatch.setattr(placing, "for_krita", lambda _: 1 / 0)
    link.finish(job, held=bytes)
    until(lambda: studio.offers)
    assert "ZeroDivisionError" in studio.notice.happened
    assert (studio.jobs, link.acknowledged) == ((), [])
    caplog.clear()
    monkeypatch.undo()
    studio.apply(job.id, 0)
    until(lambda: len(names(active())) == 2)


def test_pictures_that_cannot_be_shown_can_be_applied_all_the_same(studio, link, monkeypatch, caplog, tmp_path):
    job = generated(studio, link, count=2)
    monkeypatch.setattr(results, "look_at", lambda *_: 1 / 0)
    link.finish(job)
    until(lambda: studio.offers)
    assert "ZeroDivisionError" in studio.notice.happened
    assert (len(studio.offers), link.acknowledged) == (2, [])
    assert kept_files(tmp_path) == [f"{job.id}.json"]
    assert studio.look(job.id, 0) is not None
    caplog.clear()
    monkeypatch.undo()
    studio.apply(job.id, 1)
    until(lambda: len(names(active())) == 2)


def test_nothing_comes_after_the_end(studio, link):
    job = generated(studio, link)
    studio.close()
    studio.close()
    heard = Heard(studio)
    link.finish(job)
    link.stand(LinkState.LOST)
    studio.refresh()
    for _ in range(20):
        QtCore.QCoreApplication.processEvents()
    assert heard.take() == {}
