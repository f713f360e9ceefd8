"""The docker on the real studio, with a stand-in for Krita and a scripted link. Started by `test_bindings.py`."""

import inspect

import krita
import pytest
from double import StudioDouble
from room import part, parts, settle, until
from stage import STYLES, ScriptedLink, opened

from krita_plugin.bundled import protocol
from krita_plugin.docker import Panel
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore, QtGui
from krita_plugin.studio import JobStage, Studio


@pytest.fixture
def link():
    return ScriptedLink()


@pytest.fixture
def real(link, tmp_path):
    """The real studio, with a document open and a backend that is ready."""
    krita.quit_krita()
    opened()
    made = Studio(link, krita.Krita.instance(), tmp_path / "jobs", tmp_path / "plugin.log")
    link.stand(LinkState.ABSENT)
    link.welcome()
    yield made
    made.close()


def layers():
    document = krita.Krita.instance().activeDocument()
    return [node.name() for node in document.rootNode().childNodes()]


def sent(link):
    return until(lambda: list(link.submitted.values()))


def test_the_double_is_like_the_studio(real, studio):
    names = {name for name in vars(StudioDouble) if not name.startswith("_")} - {"done", "set"}
    names |= set(vars(studio)) - {"calls", "pictures"}
    missing = [name for name in names if not hasattr(real, name)]
    assert missing == []
    for name in names:
        ours, theirs = getattr(StudioDouble, name, None), inspect.getattr_static(Studio, name, None)
        if inspect.isfunction(ours):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters), name
        elif isinstance(ours, QtCore.pyqtSignal):
            assert isinstance(theirs, QtCore.pyqtSignal), name
        else:
            assert isinstance(theirs, property), name
            assert (
                isinstance(getattr(studio, name), type(getattr(real, name)))
                or getattr(real, name) is None
                or (getattr(studio, name) is None)
            ), name


def test_from_the_prompt_to_the_layer(real, link, docker):
    part(docker, "scumblePrompt").setPlainText("a red apple")
    assert part(docker, "scumbleStatus").text() == "Ready"
    part(docker, "scumbleGenerate").click()
    (job,) = sent(link)
    assert (job.prompt, job.style.name) == ("a red apple", STYLES[0].name)
    (row,) = parts(docker, "scumbleJob")
    link.news.emit(protocol.Queued(job.id, 2))
    until(lambda: part(row, "scumbleJobStage").text() == "2 before yours")
    link.finish(job)
    until(lambda: layers() == ["Background", "a red apple"])
    until(lambda: parts(docker, "scumbleJob") == [])


def test_variations_are_chosen_from(real, link, docker):
    part(docker, "scumbleCount").setValue(3)
    part(docker, "scumbleStyle").activated.emit(1)
    part(docker, "scumbleGenerate").click()
    (job,) = sent(link)
    assert (job.count, job.style.name) == (3, "Ink")
    link.finish(job)
    grid = part(docker, "scumbleOffers")
    until(lambda: grid.count() == 3)
    grid.setCurrentRow(1)
    assert real.chosen == (job.id, 1)
    large = part(docker, "scumbleLarge")
    until(lambda: large.image() is not None)
    part(docker, "scumbleApply").click()
    until(lambda: len(layers()) == 2)
    until(lambda: "Applied" in grid.item(1).toolTip())
    part(docker, "scumbleDiscard").click()
    until(lambda: grid.count() == 2)
    assert real.chosen == grid.chosen_key() == (job.id, 2)
    part(docker, "scumbleDiscardAll").click()
    until(lambda: not grid.isVisible())
    assert real.offers == ()


def test_each_document_has_its_own_settings(real, docker):
    prompt = part(docker, "scumblePrompt")
    prompt.setPlainText("a ship")
    first = krita.Krita.instance().activeDocument()
    opened("second")
    real.refresh()
    assert prompt.toPlainText() == ""
    prompt.setPlainText("a tree")
    part(docker, "scumbleStrength").setValue(30)
    krita.show(first)
    real.refresh()
    assert prompt.toPlainText() == "a ship"
    assert part(docker, "scumbleStrength").value() == 100
    assert part(docker, "scumbleGenerate").text() == "Generate"


def test_looking_writes_nothing(real, docker):
    document = krita.Krita.instance().activeDocument()
    part(docker, "scumbleMore").click()
    other = opened("other")
    real.refresh()
    settle()
    assert not document.modified()
    assert not other.modified()
    part(docker, "scumblePrompt").insertPlainText("a")
    assert other.modified()


def test_without_a_document_and_without_a_backend(real, link, docker):
    krita.Krita.instance().activeDocument().close()
    real.refresh()
    assert not part(docker, "scumbleGenerate").isEnabled()
    assert not part(docker, "scumblePrompt").isEnabled()
    assert part(docker, "scumbleHint").isVisible()
    link.stand(LinkState.ABSENT)
    assert part(docker, "scumbleStatus").text() == "Not running"
    part(docker, "scumbleStart").click()
    assert link.starts == 1


def test_what_goes_wrong_is_told_where_it_was_asked_for(real, link, docker):
    krita.Krita.instance().activeDocument().setSelection(krita.Selection())
    part(docker, "scumbleGenerate").click()
    until(lambda: part(docker, "scumbleNotice").isVisible())
    assert real.notice.happened in part(docker, "scumbleNoticeText").text()
    part(docker, "scumbleNoticeDismiss").click()
    assert not part(docker, "scumbleNotice").isVisible()


def test_one_of_two_jobs_is_cancelled(real, link, docker):
    part(docker, "scumbleGenerate").click()
    until(lambda: len(link.submitted) == 1)
    part(docker, "scumbleGenerate").click()
    first, second = until(lambda: len(link.submitted) == 2 and list(link.submitted))
    row = next(row for row in parts(docker, "scumbleJob") if row.job_id() == first)
    part(row, "scumbleJobCancel").click()
    assert link.cancelled == [first]
    stages = {view.id: view.stage for view in real.jobs}
    assert stages[first] is JobStage.CANCELLING
    assert stages[second] is not JobStage.CANCELLING
    part(docker, "scumbleCancel").click()
    assert link.cancelled == [first, second]


def test_the_real_studio_outlives_its_docker(real, link, docker):
    other = Panel(real, lambda name: QtGui.QIcon())
    other.deleteLater()
    settle()
    link.stand(LinkState.LOST)
    assert part(docker, "scumbleStatus").text() == "Lost, trying again…"
