"""The studio under one binding, with a stand-in for Krita and a scripted link. Started by `test_bindings.py`."""

import krita
import pytest
from stage import (
    HEIGHT,
    STYLES,
    WIDTH,
    Heard,
    active,
    generated,
    kept_files,
    names,
    opened,
    selected,
    until,
)

from krita_plugin import canvas
from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore
from krita_plugin.studio import JobStage, NoticeKind, Settings

Bounds = protocol.Bounds


# --- from Generate to the layer


def test_one_picture_becomes_a_layer_at_once(studio, link, tmp_path):
    document = active()
    job = generated(studio, link, prompt="a red apple")
    assert (job.prompt, job.count, job.order, job.depth) == ("a red apple", 1, "bgra", "u8")
    assert (job.extent, job.mask, job.style) == (protocol.Extent(WIDTH, HEIGHT), None, STYLES[0])
    assert job.document == canvas.identity(document)
    (view,) = studio.jobs
    assert (view.id, view.title, view.stage, view.document) == (job.id, "a red apple", JobStage.SENDING, "")
    assert kept_files(tmp_path) == [f"{job.id}.json"]
    link.finish(job)
    until(lambda: names(document) == ["Background", "a red apple"])
    assert krita.undo_steps(document) == ["Add Layer"]
    assert (studio.jobs, studio.offers, studio.notice) == ((), (), None)
    assert link.acknowledged == [job.id]
    until(lambda: kept_files(tmp_path) == [])


def test_a_selection_is_the_mask_and_the_place(studio, link):
    document = active()
    selected(document, 30, 10, 8, 6, 99)
    job = generated(studio, link, strength=0.5)
    assert job.strength == 0.5
    assert job.mask is not None
    # 16 pixels are what the model wants to see at least
    assert job.extent == protocol.Extent(16, 16)
    assert job.selection == Bounds(4, 5, 8, 6)
    link.finish(job, job.selection)
    until(lambda: len(names(document)) == 3)
    layer = document.rootNode().childNodes()[1]
    assert layer.bounds() == QtCore.QRect(30, 10, 8, 6)
    assert canvas.selected_bounds(document) == Bounds(30, 10, 8, 6)


def test_an_area_too_large_is_painted_smaller_and_enlarged_as_the_docker_says(studio, link, monkeypatch):
    # so that it takes many strips
    monkeypatch.setattr(canvas.scaling, "STRIP_PIXELS", WIDTH)
    most = WIDTH * HEIGHT // 4
    link.news.emit(protocol.Welcome("0", limits=protocol.Limits(pixels=most)))
    document = active()
    job = generated(studio, link, prompt="hills")
    assert job.extent == protocol.Extent(WIDTH // 2, HEIGHT // 2)
    link.finish(job)
    until(lambda: names(document) == ["Background", "hills"])
    layer = document.rootNode().childNodes()[1]
    assert layer.bounds() == QtCore.QRect(0, 0, WIDTH, HEIGHT)
    assert krita.undo_steps(document) == ["Add Layer"]
    assert "painted smaller and enlarged" in studio.notice.happened


@pytest.mark.parametrize(("model", "depth"), [("RGBA", "U16"), ("RGBA", "F32"), ("GRAYA", "U8")])
def test_documents_of_other_colours(studio, link, model, depth):
    document = opened("other", model, depth)
    studio.refresh()
    job = generated(studio, link)
    assert job.depth == ("u8" if depth == "U8" else "u16")
    link.finish(job)
    until(lambda: len(names(document)) == 2)
    layer = document.rootNode().childNodes()[1]
    assert (layer.colorModel(), layer.colorDepth()) == (model, depth)


def test_a_random_seed_is_another_one_each_time(studio, link):
    seeds = {generated(studio, link).seed for _ in range(4)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_generate_writes_nothing_into_an_untouched_document(studio, link):
    job = generated(studio, link)
    document = active()
    assert job.document == "picture"
    assert not document.modified()
    assert document._inner.annotations == {}


def test_an_area_that_is_too_large_is_painted_smaller(studio, link):
    document = active()
    link.news.emit(protocol.Welcome("0", limits=protocol.Limits(pixels=600)))
    job = generated(studio, link)
    assert job.extent.area <= 600
    assert job.extent.width / job.extent.height == pytest.approx(WIDTH / HEIGHT, abs=0.1)
    link.finish(job)
    until(lambda: len(names(document)) == 2)
    layer = document.rootNode().childNodes()[1]
    assert layer.bounds() == QtCore.QRect(0, 0, WIDTH, HEIGHT)
    assert krita.undo_steps(document) == ["Add Layer"]
    assert "enlarged" in studio.notice.happened
    assert not studio._work.isActive()


# --- what must never happen


def test_nothing_is_read_or_added_in_the_middle_of_a_stroke(studio, link, monkeypatch):
    document, read = active(), []
    real = krita.Document.pixelData
    monkeypatch.setattr(krita.Document, "pixelData", lambda self, *at: read.append(at) or real(self, *at))
    krita.set_stroke(document, True)
    studio.generate()
    for _ in range(5):
        QtCore.QCoreApplication.processEvents()
        studio._step()
    assert [view.stage for view in studio.jobs] == [JobStage.PREPARING]
    assert (link.submitted, read) == ({}, [])
    krita.set_stroke(document, False)
    (job,) = until(lambda: list(link.submitted.values()))
    krita.set_stroke(document, True)
    link.finish(job)
    until(lambda: studio._results.due)
    for _ in range(5):
        studio._step()
    assert [view.stage for view in studio.jobs] == [JobStage.PLACING]
    assert names(document) == ["Background"]
    krita.set_stroke(document, False)
    until(lambda: len(names(document)) == 2)
    assert studio.jobs == ()
    assert not studio._work.isActive()


def test_a_layer_that_waits_for_a_stroke_can_be_cancelled(studio, link, tmp_path):
    document = active()
    job = generated(studio, link)
    krita.set_stroke(document, True)
    link.finish(job)
    until(lambda: studio._results.due)
    studio.cancel(job.id)
    krita.set_stroke(document, False)
    assert (studio.jobs, studio.offers, link.acknowledged) == ((), (), [job.id])
    until(lambda: kept_files(tmp_path) == [])
    assert names(document) == ["Background"]


@pytest.mark.parametrize("large", [False, True])
def test_krita_may_let_our_timers_run_inside_of_its_calls(studio, link, monkeypatch, large):
    """Krita 5.1 does so now and then while it adds a layer; the same layer must not be added a second time."""
    if large:
        link.news.emit(protocol.Welcome("0", limits=protocol.Limits(pixels=WIDTH * HEIGHT // 4)))
    document = active()
    whole, write, inside = krita.Node.addChildNode, krita.Node.setPixelData, []

    def let_timers_run():
        if len(inside) < 5:
            inside.append(True)
            studio._step()

    def add(self, child, above):
        let_timers_run()
        return whole(self, child, above)

    def set_pixels(self, *arguments):
        let_timers_run()
        return write(self, *arguments)

    monkeypatch.setattr(krita.Node, "addChildNode", add)
    monkeypatch.setattr(krita.Node, "setPixelData", set_pixels)
    link.finish(generated(studio, link, prompt="hills"))
    until(lambda: len(names(document)) > 1)
    until(lambda: studio.jobs == ())
    assert inside
    assert names(document) == ["Background", "hills"]
    assert krita.undo_steps(document) == ["Add Layer"]
    assert studio.notice is None or studio.notice.kind is NoticeKind.INFO


def test_the_active_layer_and_the_selection_stay(studio, link):
    document = active()
    selected(document, 5, 5, 10, 10)
    before, selection = document.activeNode(), document.selection()
    krita.Krita.instance().activates_at_once = True
    link.finish(generated(studio, link))
    until(lambda: len(names(document)) == 3)
    QtCore.QCoreApplication.processEvents()
    assert document.activeNode() == before
    assert document.selection() is selection


@pytest.mark.parametrize("count", [1, 2])
def test_the_result_of_a_closed_document_is_offered_when_it_opens_again(studio, link, count):
    document = active()
    job = generated(studio, link, count=count)
    inner = document._inner
    other = opened("another")
    document.close()
    studio.refresh()
    (view,) = studio.jobs
    assert view.document == "picture"
    link.finish(job)
    until(lambda: studio.elsewhere == ("picture",))
    assert studio.offers == ()
    assert names(other) == ["Background"]
    assert studio.notice.kind is NoticeKind.INFO
    assert "picture" in studio.notice.happened
    # the same layers, as Krita gives them when the file is opened again
    inner.closed = False
    krita.Krita.instance()._documents.append(inner)
    krita.show(document)
    studio.refresh()
    assert len(studio.offers) == count
    assert studio.elsewhere == ()
    studio.apply(job.id, 0)
    until(lambda: len(names(document)) == 2)
    assert names(other) == ["Background"]


def test_a_document_closed_while_the_layer_waits_keeps_its_result(studio, link):
    document = active()
    job = generated(studio, link)
    krita.set_stroke(document, True)
    link.finish(job)
    until(lambda: studio._results.due)
    document.close()
    until(lambda: studio.elsewhere == ("picture",))
    assert studio.jobs == ()
    assert link.acknowledged == []


def test_a_crop_that_took_the_place_away_leaves_an_offer(studio, link):
    document = active()
    selected(document, 40, 30, 10, 10)
    job = generated(studio, link)
    document.crop(0, 0, 20, 20)
    link.finish(job, job.selection)
    until(lambda: studio.offers)
    assert studio.notice.kind is NoticeKind.WARNING
    assert "no longer on the canvas" in studio.notice.happened
    document.resizeImage(0, 0, WIDTH, HEIGHT)
    studio.apply(job.id, 0)
    until(lambda: "Scumble" in names(document))
    assert (studio.offers, link.acknowledged) == ((), [job.id])


def test_what_became_different_meanwhile_is_told(studio, link):
    document = active()
    job = generated(studio, link)
    document.rootNode().childNodes()[0].remove()
    link.finish(job)
    until(lambda: names(document) == ["Scumble"])
    assert studio.notice.kind is NoticeKind.INFO
    assert "The layer that it was made for is gone" in studio.notice.happened


def test_without_a_document_a_notice_says_what_to_do(link, begin):
    studio = begin(link)
    link.stand(LinkState.ABSENT)
    assert (studio.has_document, studio.can_generate) == (False, False)
    studio.generate()
    assert studio.notice.happened == "No document is open."
    assert link.starts == 0


@pytest.mark.parametrize(
    ("area", "words"), [((0, 0, 0, 0), "nothing is selected"), ((-30, -30, 10, 10), "outside of the canvas")]
)
def test_a_selection_with_nothing_in_it_is_told_of(studio, link, area, words):
    selected(active(), *area)
    studio.generate()
    assert words in studio.notice.happened
    assert (studio.notice.kind, studio.notice.actions) == (NoticeKind.WARNING, ())
    assert (studio.jobs, link.submitted) == ((), {})


@pytest.mark.parametrize("kind", ["none", "grouplayer", "vectorlayer"])
def test_whatever_is_active_a_picture_comes(studio, link, kind):
    document = active()
    if kind == "none":
        document._inner.active = None
    else:
        node = document.createNode("Other", kind)
        document.rootNode().addChildNode(node, None)
        document.setActiveNode(node)
    before = len(names(document))
    link.finish(generated(studio, link))
    until(lambda: len(names(document)) == before + 1)
    assert names(document)[-1] == "Scumble"


def test_another_document_may_be_active_when_the_result_comes(studio, link):
    document = active()
    job = generated(studio, link, prompt="here")
    other = opened("another")
    studio.refresh()
    assert [view.document for view in studio.jobs] == ["picture"]
    link.finish(job)
    until(lambda: names(document) == ["Background", "here"])
    assert names(other) == ["Background"]


def test_a_document_that_closes_before_it_is_read_is_told_of(studio, link):
    document = active()
    krita.set_stroke(document, True)
    studio.generate()
    document.close()
    until(lambda: studio.notice is not None)
    assert "closed before it could be read" in studio.notice.happened
    assert studio.jobs == ()


# --- settings


def test_settings_are_each_documents_own_and_travel_with_it(studio):
    first, heard = active(), Heard(studio)
    studio.change(Settings(prompt="one", count=2))
    studio.change(Settings(prompt="one", count=2))
    assert heard.take() == {"settings": 1}
    assert first.modified()
    second = opened("second")
    studio.refresh()
    assert studio.settings == Settings()
    assert heard.take().keys() >= {"document", "settings", "jobs", "offers"}
    first.setModified(False)
    krita.show(first)
    studio.refresh()
    assert studio.settings == Settings(prompt="one", count=2)
    assert not first.modified()
    assert not second.modified()
    assert second._inner.annotations == {}


def test_settings_come_back_with_the_file(studio):
    document = active()
    studio.change(Settings(prompt="kept", strength=0.4, style="Ink"))
    inner = document._inner
    document.close()
    studio.refresh()
    assert (studio.has_document, studio.settings) == (False, Settings())
    studio.change(Settings(prompt="nowhere"))
    inner.closed = False
    krita.Krita.instance()._documents.append(inner)
    krita.show(document)
    studio.refresh()
    assert studio.settings == Settings(prompt="kept", strength=0.4, style="Ink")


def test_the_same_settings_are_not_written(studio):
    studio.change(Settings())
    assert not active().modified()


def test_all_windows_hear_of_a_change_at_once(studio):
    heard = Heard(studio)
    studio.change(Settings(prompt="a ship"))
    assert heard.take() == {"settings": 1}
    studio.change(Settings(prompt="a ship"))
    assert heard.take() == {}


def test_krita_in_the_background_keeps_its_document(studio):
    document = active()
    krita.Krita.instance()._active = None
    heard = Heard(studio)
    studio.refresh()
    assert studio.has_document
    assert heard.take() == {}
    document.close()
    studio.refresh()
    assert not studio.has_document
