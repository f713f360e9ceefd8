"""Layers as references, in the docker: with a double of the studio, and on the real one with a stand-in for Krita."""

from dataclasses import replace

import krita
import pytest
from double import MODEL, references
from room import part, parts, settle, until
from stage import ScriptedLink, opened

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore
from krita_plugin.studio import ReferenceView, Studio

EDITOR = replace(MODEL, id="editor", name="Editor", family="qwen", variant="edit", references=3)
SINGLE = replace(EDITOR, id="single", name="Single", references=1)
STYLES = tuple(protocol.Style(name, name.lower()) for name in ("Starter", "Editor", "Single"))


# --- what is shown


def test_where_the_model_takes_none_nothing_is_shown(studio, panel):
    assert not part(panel, "scumbleReferences").isVisible()
    studio.set(reference_room=2)
    assert part(panel, "scumbleReferences").isVisible()
    assert parts(panel, "scumbleReference") == []
    studio.set(reference_room=0)
    assert not part(panel, "scumbleReferences").isVisible()


def test_each_reference_has_a_row_that_says_how_it_is(studio, panel):
    studio.set(reference_room=3, references=references(2))
    settle()
    first, second = parts(panel, "scumbleReference")
    assert part(first, "scumbleReferenceName").text() == "Sketch 0"
    assert part(first, "scumbleReferenceName").isEnabled()
    assert part(second, "scumbleReferenceName").text() == "Sketch 1 (not there)"
    assert not part(second, "scumbleReferenceName").isEnabled()
    part(second, "scumbleReferenceRemove").click()
    assert studio.done("remove_reference") == [("{1}",)]
    studio.set(references=(ReferenceView("{1}", "Back"), ReferenceView("{0}", "Sketch", taken=False)))
    settle()
    rows = sorted(parts(panel, "scumbleReference"), key=lambda row: row.y())
    assert rows == [second, first]
    assert [part(row, "scumbleReferenceName").text() for row in rows] == ["Back", "Sketch (not shown)"]
    studio.set(references=())
    settle()
    assert parts(panel, "scumbleReference") == []


def test_no_more_are_added_than_the_model_takes(studio, panel):
    studio.set(reference_room=2)
    add = part(panel, "scumbleReferenceAdd")
    add.click()
    assert studio.done("add_reference") == [()]
    studio.set(references=references(2))
    assert not add.isEnabled()
    assert "2 layers at most" in add.toolTip()
    studio.set(references=references(1))
    assert add.isEnabled()
    assert "active layer" in add.toolTip()


def test_of_a_model_that_is_shown_one_picture_it_is_said(studio, panel):
    studio.set(model=EDITOR, reference_room=2)
    assert part(panel, "scumbleReferencesTitle").text() == "References"
    studio.set(model=SINGLE, reference_room=1)
    assert part(panel, "scumbleReferencesTitle").text() == "Reference, instead of the canvas"


def test_the_keyboard_stays_in_the_list_when_a_row_goes(studio, panel):
    studio.set(reference_room=2, references=references(2))
    settle()
    part(parts(panel, "scumbleReference")[1], "scumbleReferenceRemove").setFocus()
    studio.set(references=references(2)[:1])
    settle()
    assert part(panel, "scumbleReferenceAdd").hasFocus()


# --- on the real studio


@pytest.fixture
def link():
    return ScriptedLink()


@pytest.fixture
def real(link, tmp_path):
    krita.quit_krita()
    opened()
    made = Studio(link, krita.Krita.instance(), tmp_path / "jobs", tmp_path / "plugin.log")
    link.stand(LinkState.ABSENT)
    link.welcome((MODEL, EDITOR, SINGLE), STYLES)
    yield made
    made.close()


def add_layer(document, name, colour=(10, 20, 200, 255)):
    layer = document.createNode(name, "paintlayer")
    layer.setPixelData(QtCore.QByteArray(bytes(colour) * 12), 3, 2, 4, 3)
    document.rootNode().addChildNode(layer, None)
    settle()
    document.setActiveNode(layer)
    return layer


def choose(docker, style):
    combo = part(docker, "scumbleStyle")
    combo.setCurrentIndex(combo.findText(style))
    combo.activated.emit(combo.currentIndex())
    settle()


def add_reference(docker):
    part(docker, "scumbleReferenceAdd").click()
    settle()


def test_a_layer_that_is_chosen_travels_with_the_job(real, link, docker):
    document = krita.Krita.instance().activeDocument()
    layer = add_layer(document, "Photo")
    steps = krita.undo_steps(document)
    assert not part(docker, "scumbleReferences").isVisible()
    choose(docker, "Editor")
    add_reference(docker)
    (row,) = parts(docker, "scumbleReference")
    assert part(row, "scumbleReferenceName").text() == "Photo"
    # it may be hidden, and what is on it now counts
    layer.setVisible(False)
    layer.setPixelData(QtCore.QByteArray(bytes((1, 2, 3, 255)) * 12), 3, 2, 4, 3)
    part(docker, "scumbleGenerate").click()
    (job,) = until(lambda: list(link.submitted.values()))
    (raster,) = job.references
    assert (raster.width, raster.height, raster.order, raster.depth) == (4, 3, "bgra", "u8")
    assert raster.content == protocol.content_name(bytes((1, 2, 3, 255)) * 12)
    assert krita.undo_steps(document) == steps
    part(row, "scumbleReferenceRemove").click()
    settle()
    assert real.settings.references == ()
    assert parts(docker, "scumbleReference") == []


def test_another_style_keeps_them_and_shows_none(real, link, docker):
    add_layer(krita.Krita.instance().activeDocument(), "Photo")
    choose(docker, "Editor")
    add_reference(docker)
    choose(docker, "Starter")
    assert not part(docker, "scumbleReferences").isVisible()
    part(docker, "scumbleGenerate").click()
    (job,) = until(lambda: list(link.submitted.values()))
    assert job.references == ()
    choose(docker, "Editor")
    assert len(parts(docker, "scumbleReference")) == 1


def test_what_cannot_be_added_is_told(real, docker):
    document = krita.Krita.instance().activeDocument()
    choose(docker, "Editor")
    add_reference(docker)
    add_reference(docker)
    assert "reference already" in part(docker, "scumbleNoticeText").text()
    document._inner.active = None
    add_reference(docker)
    assert "No layer is active" in part(docker, "scumbleNoticeText").text()


def test_a_layer_that_goes_and_comes_back_is_followed(real, link, docker):
    document = krita.Krita.instance().activeDocument()
    layer = add_layer(document, "Photo")
    choose(docker, "Editor")
    add_reference(docker)
    (row,) = parts(docker, "scumbleReference")
    layer.remove()
    until(lambda: part(row, "scumbleReferenceName").text() == "Photo (not there)")
    part(docker, "scumbleGenerate").click()
    until(lambda: part(docker, "scumbleNotice").isVisible())
    assert "'Photo' is no longer in the document, so nothing was painted" in part(docker, "scumbleNoticeText").text()
    assert link.submitted == {}
    assert parts(docker, "scumbleJob") == []
    assert not part(docker, "scumbleNoticeRetry").isVisible()
    krita.undo(document)
    until(lambda: part(row, "scumbleReferenceName").text() == "Photo")


def test_the_button_says_what_the_model_does(real, docker):
    generate, prompt = part(docker, "scumbleGenerate"), part(docker, "scumblePrompt")
    assert (generate.text(), "belongs" in prompt.placeholderText()) == ("Generate", True)
    choose(docker, "Single")
    assert (generate.text(), "change" in prompt.placeholderText()) == ("Edit", True)
    add_reference(docker)
    assert (generate.text(), "belongs" in prompt.placeholderText()) == ("Generate", True)
    part(docker, "scumbleStrength").setValue(60)
    assert generate.text() == "Refine"
