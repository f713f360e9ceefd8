"""Which document a picture belongs to, where others have the same layers; with a stand-in for Krita and a scripted link."""

import krita
import pytest
from stage import ScriptedLink, active, copied, generated, names, opened, until

from krita_plugin.studio import JobStage, NoticeKind, Settings

NOTICE = "A picture for 'picture' is finished, and that document was closed meanwhile."


@pytest.fixture(params=["by its layers", "by its own id"])
def document(request, studio):
    """A document, with and without an id of its own."""
    if request.param == "by its own id":
        studio.change(Settings(prompt="kept"))
    return active()


def told(studio, name):
    return studio.notice.kind is NoticeKind.INFO and (studio.notice.happened, studio.notice.remedy) == (
        NOTICE,
        f"It is offered in {name!r}: apply it, if it belongs there.",
    )


@pytest.mark.parametrize("name", ["copy", "picture"])
def test_a_picture_is_only_offered_where_another_document_has_the_layers(studio, link, document, name):
    """A copy of it, or it itself opened again: that cannot be told."""
    job = generated(studio, link)
    other = copied(document, name)
    document.close()
    studio.refresh()
    link.finish(job)
    until(lambda: studio.offers)
    assert told(studio, name)
    assert names(other) == ["Background"]
    studio.apply(job.id, 0)
    until(lambda: names(other) == ["Background", studio.settings.prompt or "Scumble"])
    assert link.acknowledged == [job.id]


def test_a_picture_becomes_a_layer_of_the_document_that_asked_beside_its_copy(studio, link, document):
    copy = copied(document, "copy")
    krita.show(document)
    studio.refresh()
    job = generated(studio, link)
    krita.show(copy)
    studio.refresh()
    link.finish(job)
    until(lambda: len(names(document)) == 2)
    assert names(copy) == ["Background"]


def test_a_layer_that_waits_goes_into_no_other_document(studio, link, document):
    job = generated(studio, link)
    krita.set_stroke(document, True)
    link.finish(job)
    until(lambda: studio._results.due)
    copy = copied(document, "copy")
    document.close()
    studio.refresh()
    until(lambda: studio.offers)
    studio._step()
    assert told(studio, "copy")
    assert (names(copy), studio.jobs, link.acknowledged) == (["Background"], (), [])


def test_a_layer_that_waits_for_its_pixels_goes_into_no_other_document(studio, link, document):
    studio._results._shelf._most = 0
    job = generated(studio, link, count=2)
    link.finish(job)
    until(lambda: studio.offers and not studio._results._shelf.get(job.id).contents)
    studio.apply(job.id, 0)
    assert [view.stage for view in studio.jobs] == [JobStage.FETCHING]
    copy = copied(document, "copy")
    document.close()
    studio.refresh()
    assert told(studio, "copy")
    link.finish(job)
    until(lambda: not studio._results.fetching)
    studio._step()
    assert (names(copy), studio.jobs) == (["Background"], ())
    assert [offer.applied for offer in studio.offers] == [False, False]


def test_a_copy_has_what_is_offered_only_until_the_document_is_opened(studio, link, document):
    job = generated(studio, link, count=3)
    copied(document, "copy")
    document.close()
    studio.refresh()
    link.finish(job)
    until(lambda: len(studio.offers) == 3)
    assert told(studio, "copy")
    again = copied(document, "picture")
    studio.refresh()
    assert len(studio.offers) == 3
    studio.apply(job.id, 0)
    until(lambda: len(names(again)) == 2)


def test_what_is_applied_in_a_copy_belongs_there(studio, link, document):
    job = generated(studio, link, count=3)
    copy = copied(document, "copy")
    document.close()
    studio.refresh()
    link.finish(job)
    until(lambda: len(studio.offers) == 3)
    krita.set_stroke(copy, True)
    studio.apply(job.id, 0)
    again = copied(document, "picture")
    studio.refresh()
    assert studio.offers == ()
    krita.set_stroke(copy, False)
    until(lambda: len(names(copy)) == 2)
    krita.show(copy)
    studio.refresh()
    assert [offer.applied for offer in studio.offers] == [True, False, False]
    assert names(again) == ["Background"]


def test_the_next_krita_offers_it_in_the_document_of_its_name(studio, link, begin, document):
    job = generated(studio, link)
    studio.close()
    krita.Krita.instance()._documents.clear()
    copied(document, "copy")
    other = ScriptedLink()
    later = begin(other)
    until(lambda: later._queue._earlier)
    other.welcome()
    other.finish(job)
    until(lambda: later.offers)
    assert later.notice is None
    copied(document, "picture")
    opened("no copy")
    later.refresh()
    assert (later.offers, later.elsewhere) == ((), ("picture",))
    krita.show(krita.Document(krita.Krita.instance()._documents[1]))
    later.refresh()
    assert [offer.job for offer in later.offers] == [job.id]
