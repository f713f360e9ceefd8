"""What hangs on the model of the style: LoRAs that fit, and layers that it is shown; with a stand-in for Krita and a scripted link."""

from dataclasses import replace

import krita
import pytest
from stage import MODEL, Heard, active, generated, opened, until

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore, QtGui
from krita_plugin.studio import Reference, Settings
from krita_plugin.studio import references as references_module
from krita_plugin.studio.settings import ANNOTATION, decode_settings

EDITOR = replace(MODEL, id="editor", name="Editor", family="qwen", variant="edit", references=3)
STYLES = (protocol.Style("Model", "model"), protocol.Style("Editor", "editor"))
LORAS = (
    protocol.LoraInfo("both", ("sd1", "qwen")),
    protocol.LoraInfo("broken", problem="It is damaged."),
    protocol.LoraInfo("styles/ink", ("sd1",)),
)


@pytest.fixture
def editing(studio, link):
    """The studio with a backend that has a model which edits, and its style chosen."""
    link.welcome((MODEL, EDITOR), STYLES)
    studio.change(Settings(style="Editor"))
    return studio


def add_layer(document, name, colour=(10, 20, 200, 255)):
    layer = document.createNode(name, "paintlayer")
    size = len(bytes(colour))
    assert size in (4, 8)
    layer.setPixelData(QtCore.QByteArray(bytes(colour) * 12), 3, 2, 4, 3)
    document.rootNode().addChildNode(layer, None)
    document.setActiveNode(layer)
    return layer


def chosen(studio, *names):
    for name in names:
        add_layer(active(), name, (len(name), 20, 200, 255))
        studio.add_reference()


# --- LoRAs


def test_those_fit_that_are_made_for_the_models_family(editing, link):
    heard = Heard(editing)
    assert not editing.has_loras
    link.news.emit(protocol.Loras(LORAS, "/loras"))
    assert editing.has_loras
    assert (editing.loras, editing.loras_folder) == (("both",), "/loras")
    assert heard.take()["loras"] == 1
    editing.change(Settings())
    assert editing.loras == ("both", "styles/ink")
    link.news.emit(protocol.Models((replace(MODEL, problem="It is gone."),)))
    assert editing.loras == ()


def test_a_backend_that_knows_no_such_question_has_none(studio, link):
    assert protocol.ListLoras() in link.requests
    link.news.emit(protocol.Loras(LORAS))
    busy = protocol.Failure("impatient", "The list is being made.", "Wait for it.")
    link.news.emit(protocol.Refused("list_loras", busy))
    assert studio.loras == ("both", "styles/ink")
    link.news.emit(protocol.Refused("list_loras", replace(busy, code="unknown_request")))
    assert (studio.loras, studio.has_loras, studio.notice) == ((), False, None)


def test_they_are_asked_for_again_when_the_painter_comes_back(studio, link):
    link.requests.clear()
    application = QtGui.QGuiApplication.instance()
    application.applicationStateChanged.emit(QtCore.Qt.ApplicationState.ApplicationInactive)
    assert link.requests == []
    application.applicationStateChanged.emit(QtCore.Qt.ApplicationState.ApplicationActive)
    studio.look_for_loras()
    assert link.requests == [protocol.ListLoras()] * 2
    link.stand(LinkState.LOST)
    studio.look_for_loras()
    application.applicationStateChanged.emit(QtCore.Qt.ApplicationState.ApplicationActive)
    assert studio.notice is None
    assert len(link.requests) == 2


# --- references


@pytest.mark.parametrize(
    ("variant", "shown", "room"),
    [("base", 0, 0), ("edit", 1, 1), ("edit", 3, 2), ("base", 4, 3), ("layered", 1, 0), ("edit", 40, 10)],
)
def test_as_many_as_the_model_has_room_for_beside_the_canvas(variant, shown, room):
    assert references_module.room_of(replace(MODEL, variant=variant, references=shown)) == room
    assert references_module.room_of(None) == 0


def test_they_are_shown_and_sent_in_their_order_and_no_more_than_there_is_room_for(editing, link):
    chosen(editing, "a", "bb")
    assert [(view.name, view.there, view.taken) for view in editing.references] == [
        ("a", True, True),
        ("bb", True, True),
    ]
    assert editing.references[0].thumbnail is not None
    add_layer(active(), "ccc")
    editing.add_reference()
    assert "no more references" in editing.notice.happened
    editing.change(replace(editing.settings, references=(*editing.settings.references, Reference("{gone}", "ccc"))))
    assert [view.taken for view in editing.references] == [True, True, False]
    job = generated(editing, link)
    blues = [protocol.content_name(bytes((length, 20, 200, 255)) * 12) for length in (1, 2)]
    assert [raster.content for raster in job.references] == blues
    editing.remove_reference(editing.settings.references[0].layer)
    assert [view.name for view in editing.references] == ["bb", "ccc"]


def test_in_a_16_bit_document_their_own_bits_are_sent(editing, link):
    opened("deep", depth="U16", profile="sRGB-elle-V2-srgbtrc.icc")
    editing.refresh()
    editing.change(Settings(style="Editor"))
    wide = (1, 2, 3, 4, 5, 6, 255, 255)
    add_layer(active(), "deep", wide)
    editing.add_reference()
    (raster,) = generated(editing, link).references
    assert (raster.depth, raster.content) == ("u16", protocol.content_name(bytes(wide) * 12))


@pytest.fixture
def locks(monkeypatch):
    """Whether each try to lock a document succeeded. The layers are looked at as often as anybody asks."""
    tried, real = [], krita.Document.tryBarrierLock

    def lock(document):
        tried.append(real(document))
        return tried[-1]

    monkeypatch.setattr(references_module, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(krita.Document, "tryBarrierLock", lock)
    return tried


@pytest.mark.parametrize("empty", [False, True])
def test_a_document_is_locked_for_a_thumbnail_and_then_left_alone(editing, locks, empty):
    if empty:
        layer = active().createNode("empty", "paintlayer")
        active().rootNode().addChildNode(layer, None)
        active().setActiveNode(layer)
        editing.add_reference()
    else:
        chosen(editing, "a", "bb")
    krita.set_stroke(active(), True)
    editing.refresh()
    assert [view.thumbnail for view in editing.references] == [None] * (1 if empty else 2)
    krita.set_stroke(active(), False)
    editing.refresh()
    assert [view.thumbnail is None for view in editing.references] == ([True] if empty else [False, False])
    assert locks.count(True) == 1
    locks.clear()
    for _ in range(5):
        editing.refresh()
    assert locks == []


def test_an_empty_layer_is_looked_at_again_once_something_is_on_it(editing, locks):
    layer = active().createNode("empty", "paintlayer")
    active().rootNode().addChildNode(layer, None)
    active().setActiveNode(layer)
    editing.add_reference()
    editing.refresh()
    assert editing.references[0].thumbnail is None
    heard = Heard(editing)
    layer.setPixelData(QtCore.QByteArray(bytes((1, 2, 3, 255)) * 12), 3, 2, 4, 3)
    editing.refresh()
    assert editing.references[0].thumbnail is not None
    assert heard.take() == {"references": 1}
    assert locks == [True, True]


def test_a_thumbnail_that_is_due_in_a_stroke_is_taken_after_it(editing, locks):
    chosen(editing, "a")
    editing.refresh()
    before = editing.references[0].thumbnail
    krita.set_stroke(active(), True)
    editing.generate()
    assert editing.references[0].thumbnail is before
    krita.set_stroke(active(), False)
    editing.refresh()
    assert editing.references[0].thumbnail is not before


def test_they_are_saved_in_the_document_by_the_layers_ids(editing, link, begin):
    chosen(editing, "a")
    saved = decode_settings(active().annotation(ANNOTATION).data())
    layer = active().activeNode().uniqueId().toString()
    assert saved.references == (Reference(layer, "a"),)
    other = opened("other")
    editing.refresh()
    assert editing.references == ()
    assert not other.modified()
    editing.add_reference()
    assert other.modified() is False, "its own style takes none"


def test_one_that_is_gone_ends_the_job_with_a_word_and_nothing_is_sent(editing, link):
    chosen(editing, "a", "bb")
    heard = Heard(editing)
    active().rootNode().childNodes()[1].remove()
    editing.generate()
    until(lambda: editing.notice)
    assert "'a' is no longer in the document, so nothing was painted" in editing.notice.happened
    assert (editing.jobs, link.submitted, editing.notice.actions) == ((), {}, ())
    assert heard.take()["references"] == 1
    krita.undo(active())
    assert len(generated(editing, link).references) == 2


def test_they_are_read_when_generate_is_pressed_though_the_model_is_not_known_yet(link, begin):
    opened()
    studio = begin(link)
    link.stand(LinkState.ABSENT)
    layer = add_layer(active(), "a", (1, 2, 3, 255))
    chosen_layer = Reference(layer.uniqueId().toString(), "a")
    studio.change(
        Settings(style="Editor", references=(chosen_layer, Reference("{gone}", "b"), Reference("{too}", "c")))
    )
    studio.generate()
    until(lambda: not studio._queue.unread)
    layer.setPixelData(QtCore.QByteArray(bytes((9, 9, 9, 255)) * 12), 3, 2, 4, 3)
    link.welcome((MODEL, replace(EDITOR, references=1)), STYLES)
    (job,) = until(lambda: list(link.submitted.values()))
    assert [raster.content for raster in job.references] == [protocol.content_name(bytes((1, 2, 3, 255)) * 12)]
    # one that is gone counts where the model has room for it
    link.stand(LinkState.LOST)
    link.stand(LinkState.ABSENT)
    studio.dismiss_notice()
    studio.generate()
    until(lambda: not studio._queue.unread)
    link.welcome((MODEL, EDITOR), STYLES)
    until(lambda: studio.notice is not None and "'b'" in studio.notice.happened)
    assert len(link.submitted) == 1


def test_the_model_that_edits_is_told_from_others(editing, link):
    assert editing.edits
    chosen(editing, "a")
    assert editing.edits, "the canvas is shown before the reference"
    link.news.emit(protocol.Models((MODEL, replace(EDITOR, references=1))))
    assert not editing.edits, "the reference is shown instead of the canvas"
    editing.change(Settings())
    assert not editing.edits
