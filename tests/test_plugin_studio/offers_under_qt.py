"""Pictures that wait for the painter, and what is told of them, with a stand-in for Krita and a scripted link. Started by `test_bindings.py`."""

import json
from dataclasses import replace

import pytest
from stage import HEIGHT, MODEL, WIDTH, active, generated, kept_files, names, opened, until

from backend.families.facts import FAMILIES, Readings, facts_of_model
from backend.plan import make_plan
from krita_plugin.bundled import protocol
from krita_plugin.qt import QtCore
from krita_plugin.studio import JobStage, NoticeAction, Settings

GONE = protocol.Failure("result_gone", "It broke.", "Mend it.")


def test_several_pictures_are_offered(studio, link, tmp_path):
    document = active()
    job = generated(studio, link, prompt="apples", count=3, seed=7, random_seed=False)
    assert (job.seed, job.count) == (7, 3)
    link.finish(job)
    until(lambda: len(studio.offers) == 3)
    assert [(offer.job, offer.index, offer.seed) for offer in studio.offers] == [(job.id, i, 7 + i) for i in range(3)]
    assert {offer.title for offer in studio.offers} == {"apples"}
    assert (studio.jobs, studio.elsewhere, names(document)) == ((), (), ["Background"])
    pixel = studio.offers[1].thumbnail.pixelColor(5, 5)
    assert (pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()) == (120, 80, 41, 255)
    assert studio.look(job.id, 2).pixelColor(0, 0).blue() == 42
    studio.apply(job.id, 1)
    until(lambda: names(document) == ["Background", "apples"])
    assert [offer.applied for offer in studio.offers] == [False, True, False]
    assert link.acknowledged == []
    studio.discard(job.id, 0)
    assert [offer.index for offer in studio.offers] == [1, 2]
    # written down, so that a Krita that ends now offers only what is left
    until(lambda: json.loads((tmp_path / "jobs" / f"{job.id}.json").read_text())["dealt"] == [0, 1])
    studio.discard(job.id, 2)
    assert (studio.offers, link.acknowledged) == ((), [job.id])
    until(lambda: kept_files(tmp_path) == [])
    assert names(document) == ["Background", "apples"]


@pytest.mark.parametrize("held", [bytes, QtCore.QByteArray])
def test_pictures_that_begin_with_a_zero_byte_are_pictures(studio, link, held):
    document = active()
    link.finish(generated(studio, link, prompt="night"), darkest=0, held=held)
    until(lambda: names(document) == ["Background", "night"])
    job = generated(studio, link, prompt="nights", count=2)
    link.finish(job, darkest=0, held=held)
    until(lambda: len(studio.offers) == 2)
    studio.apply(job.id, 0)
    until(lambda: names(document) == ["Background", "night", "nights"])
    assert link.resumed == []


def test_the_chosen_offer_is_the_first_unless_another_is_chosen(studio, link):
    assert studio.chosen is None
    studio.apply_chosen()
    studio.discard_chosen()
    job = generated(studio, link, count=3)
    link.finish(job)
    until(lambda: studio.offers)
    assert studio.chosen == (job.id, 0)
    studio.choose(job.id, 1)
    studio.discard_chosen()
    assert [offer.index for offer in studio.offers] == [0, 2]
    assert studio.chosen == (job.id, 0)
    studio.choose(job.id, 2)
    studio.apply_chosen()
    until(lambda: [offer.applied for offer in studio.offers] == [False, True])
    studio.discard_all()
    assert (studio.offers, studio.chosen) == ((), None)


# --- discarded together, and brought back


def offered(studio, link, count=3, **settings):
    job = generated(studio, link, count=count, **settings)
    before = len(studio.offers)
    link.finish(job)
    until(lambda: len(studio.offers) == before + count)
    return job


def test_what_was_discarded_together_is_brought_back(studio, link, tmp_path):
    first, second = offered(studio, link, prompt="first"), offered(studio, link, prompt="second")
    studio.apply(second.id, 1)
    until(lambda: studio.offers[4].applied)
    before = studio.offers
    studio.discard_all()
    assert (studio.offers, studio.chosen, link.acknowledged) == ((), None, [])
    assert studio.notice.happened == "6 pictures were discarded."
    assert studio.notice.actions == (NoticeAction.BRING_BACK,)
    assert kept_files(tmp_path) == sorted(f"{job.id}.json" for job in (first, second))
    studio.act(NoticeAction.BRING_BACK)
    assert studio.offers == before
    assert studio.notice is None
    studio.apply(first.id, 0)
    until(lambda: names(active()) == ["Background", "second", "first"])


def test_discarded_pictures_are_gone_once_the_notice_is(studio, link, tmp_path):
    job = offered(studio, link)
    studio.discard_all()
    studio.dismiss_notice()
    assert link.acknowledged == [job.id]
    until(lambda: kept_files(tmp_path) == [])
    studio.act(NoticeAction.BRING_BACK)
    assert studio.offers == ()


def test_discarded_twice_only_the_last_come_back(studio, link):
    first = offered(studio, link, prompt="first")
    studio.discard_all()
    second = offered(studio, link, count=2, prompt="second")
    assert link.acknowledged == [first.id], "Generate has taken the notice away"
    studio.discard_all()
    assert studio.notice.happened == "2 pictures were discarded."
    studio.act(NoticeAction.BRING_BACK)
    assert {offer.job for offer in studio.offers} == {second.id}


def test_what_comes_under_the_notice_and_is_discarded_as_well_comes_back(studio, link):
    """Both were asked for before, so nothing has taken the first notice away."""
    first, second = generated(studio, link, count=3), generated(studio, link, count=2)
    link.finish(first)
    until(lambda: len(studio.offers) == 3)
    studio.discard_all()
    link.finish(second)
    until(lambda: len(studio.offers) == 2)
    studio.discard_all()
    assert link.acknowledged == [first.id]
    studio.discard_all()
    studio.act(NoticeAction.BRING_BACK)
    assert {offer.job for offer in studio.offers} == {second.id}


def test_a_krita_that_ends_before_it_is_settled_offers_them_again(studio, link, begin):
    job = offered(studio, link)
    studio.discard_all()
    studio.close()
    assert link.acknowledged == []
    later = begin(link)
    until(lambda: job.id in link.resumed)
    link.finish(job)
    until(lambda: len(later.offers) == 3)


def test_only_the_active_documents_pictures_are_discarded(studio, link):
    offered(studio, link)
    other = opened("other")
    studio.refresh()
    assert studio.offers == ()
    studio.discard_all()
    assert studio.notice is None
    other.close()
    studio.refresh()
    assert len(studio.offers) == 3


# --- what the backend says of pictures

SCALED = "{0} pixels are more than Model paints at once: they were painted at {1} and scaled up, so fine detail may look soft."
SIZE = ("size",)
ANEW = "The painting process was lost in the middle of the work, so this was painted anew by another one."


def painted(studio, link, *notes, matters=(), model="model"):
    """Have one picture painted; return what is told of it."""
    studio.dismiss_notice()
    before = len(names(active()))
    link.finish(generated(studio, link), told={"notes": notes, "matters": matters, "model": model})
    until(lambda: len(names(active())) == before + 1)
    return studio.notice.happened if studio.notice is not None else ""


def test_that_areas_are_larger_than_the_model_paints_is_told_once(studio, link):
    first, second = SCALED.format("900 x 700", "512 x 384"), SCALED.format("1024 x 1024", "512 x 512")
    assert painted(studio, link, first, matters=SIZE) == first
    assert painted(studio, link, first, matters=SIZE) == ""
    assert painted(studio, link, second, ANEW, matters=SIZE) == ANEW
    assert painted(studio, link, ANEW) == ANEW, "this has happened once more"


def test_what_an_older_backend_says_is_told_each_time(studio, link):
    first = SCALED.format("900 x 700", "512 x 384")
    assert painted(studio, link, first, model="") == first
    assert painted(studio, link, first, model="") == first


def test_more_matters_than_notes_do_no_harm(studio, link):
    assert painted(studio, link, ANEW, matters=("", "size", "weather")) == ANEW


def test_it_is_told_of_each_model_and_each_document(studio, link):
    first = SCALED.format("900 x 700", "512 x 384")
    assert painted(studio, link, first, matters=SIZE) == first
    assert painted(studio, link, first, matters=SIZE, model="another") == first
    opened("another picture")
    studio.refresh()
    assert painted(studio, link, first, matters=SIZE) == first


def test_variations_tell_it_once_too(studio, link):
    first = SCALED.format("900 x 700", "512 x 384")
    for told in (first, ""):
        studio.dismiss_notice()
        job = generated(studio, link, count=2)
        before = len(studio.offers)
        link.finish(job, told={"notes": (first,), "matters": SIZE, "model": "model"})
        until(lambda before=before: len(studio.offers) == before + 2)
        assert (studio.notice.happened if studio.notice is not None else "") == told


def test_what_a_model_knows_nothing_of_is_told_once(studio, link):
    """As the backend plans it."""
    facts = facts_of_model(
        FAMILIES["flux"], "flux", "FLUX.1 dev", Readings(1024, 8, 2, 16, 512, "flow", guidance_kind="embedded")
    )
    asked = protocol.Job(
        "0" * 32,
        protocol.Extent(512, 512),
        prompt="(a ship:1.2) BREAK at sea",
        negative="fog",
        style=protocol.Style(clip_skip=2, rescale=0.5),
        references=(protocol.Raster("0" * 64, 4, 1, 1, "rgba"),),
    )
    plan = make_plan(asked, facts)
    told = dict(zip(plan.matters, plan.notes, strict=True))
    assert set(told) == {"weights", "breaks", "negative", "clip_skip", "rescale", "references"}
    for matter, sentence in told.items():
        assert painted(studio, link, sentence, matters=(matter,)) == sentence
        assert painted(studio, link, sentence, matters=(matter,)) == ""


def test_of_weights_the_docker_says_itself_and_no_notice_does(studio, link):
    weightless = replace(MODEL, weights=False)
    sentence = "Model takes no weights in prompts, so they were left out."
    studio.change(Settings(prompt="a (ship:1.2)"))
    assert not studio.weights_in_vain
    link.welcome((weightless,))
    assert studio.weights_in_vain
    assert painted(studio, link, sentence, ANEW, matters=("weights",)) == ANEW
    for prompt, in_vain in (("a ship", False), ("a ship # (mine)", False), (r"a \(ship\)", False), ("[a] ship", True)):
        studio.change(Settings(prompt=prompt))
        assert studio.weights_in_vain is in_vain, prompt
    for prompt, in_vain in (("a BREAK b", True), ("BREAKFAST", False), ("<lora:ink (2):1>", False)):
        studio.change(Settings(prompt=prompt))
        assert studio.weights_in_vain is in_vain, prompt
    studio.change(Settings(negative="((fog))"))
    assert studio.weights_in_vain


# --- what a picture drew


def test_each_picture_tells_what_it_drew(studio, link):
    job = generated(studio, link, prompt="a {red|green} apple", count=2)
    link.finish(job, prompts=("a red apple", "a green apple"))
    until(lambda: len(studio.offers) == 2)
    assert [(offer.title, offer.drawn) for offer in studio.offers] == [("a red apple",) * 2, ("a green apple",) * 2]
    studio.apply(job.id, 1)
    until(lambda: names(active()) == ["Background", "a green apple"])


def test_a_single_picture_is_a_layer_by_what_it_drew_and_without_its_loras(studio, link):
    job = generated(studio, link, prompt="a __colours__ apple <lora:ink:0.5>")
    link.finish(job, prompts=("a blue apple <lora:ink:0.5>",))
    until(lambda: names(active()) == ["Background", "a blue apple"])


# --- pictures that are dropped


def test_dropped_pictures_are_fetched_again_when_wanted(studio, link):
    studio._results._shelf._most = 3 * WIDTH * HEIGHT * 4
    first = generated(studio, link, prompt="first", count=2)
    link.finish(first)
    until(lambda: len(studio.offers) == 2)
    second = generated(studio, link, prompt="second", count=2)
    link.finish(second)
    until(lambda: len(studio.offers) == 4)
    assert studio._results._shelf.get(first.id).contents == {}
    assert studio.offers[0].thumbnail.width() == WIDTH
    assert studio.look(first.id, 0) is None
    studio.apply(first.id, 1)
    assert link.resumed == [first.id]
    assert [(view.id, view.stage) for view in studio.jobs] == [(first.id, JobStage.FETCHING)]
    link.finish(first)
    until(lambda: names(active()) == ["Background", "first"])
    assert [offer.applied for offer in studio.offers if offer.job == first.id] == [False, True]


class Looking:
    """Looks at the chosen picture whenever others are offered, as the docker does; the backend has whatever it is asked for."""

    def __init__(self, studio, link):
        self._studio, self._link, self._answered, self.image = studio, link, len(link.resumed), None
        studio.offers_changed.connect(self.look)
        self.look()

    def look(self):
        if self._studio.chosen is not None:
            self.image = self._studio.look(*self._studio.chosen)

    def answer(self):
        """Answer the next that was asked for; return whether there was any."""
        if self._answered == len(self._link.resumed):
            return False
        self._answered += 1
        self._link.finish(self._link.submitted[self._link.resumed[self._answered - 1]])
        return True

    def see(self):
        """Wait until it has come, and everything is quiet."""
        until(lambda: not self.answer() and self.image is not None and not self._studio._results.fetching, 10)
        quiet = QtCore.QElapsedTimer()
        quiet.start()
        until(lambda: self.answer() or quiet.elapsed() > 100)


@pytest.mark.parametrize("before", [False, True])
def test_what_is_looked_at_stays_however_large_it_is(studio, link, before):
    """Let go and fetched at every look, it would be so for ever."""
    studio._results._shelf._most = 1
    looking = Looking(studio, link) if before else None
    offered(studio, link)
    looking = looking or Looking(studio, link)
    looking.see()
    assert len(link.resumed) == (0 if before else 1)
    assert looking.image is not None


def test_of_two_jobs_of_which_one_has_room_the_one_that_is_looked_at_stays(studio, link):
    # a picture, its look and its thumbnail are of one size here
    studio._results._shelf._most = 2 * 3 * WIDTH * HEIGHT * 4 + 1
    looking = Looking(studio, link)
    first = offered(studio, link, count=2, prompt="first")
    second = offered(studio, link, count=2, prompt="second")
    looking.see()
    assert link.resumed == []
    for job in (second, first, second):
        studio.choose(job.id, 1)
        looking.look()
        looking.see()
        assert looking.image.pixelColor(0, 0).blue() == 41
    assert link.resumed == [second.id, first.id, second.id]


def test_dropped_pictures_that_are_gone_are_told_of(studio, link):
    studio._results._shelf._most = 0
    job = generated(studio, link, count=2)
    link.finish(job)
    until(lambda: studio.offers and not studio._results._shelf.get(job.id).contents)
    studio.apply(job.id, 0)
    link.news.emit(protocol.Failed(job.id, GONE))
    assert (studio.offers, studio.jobs, studio.notice.happened) == ((), (), "It broke.")
