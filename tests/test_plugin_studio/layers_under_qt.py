"""Pictures that are taken apart into layers, with a stand-in for Krita and a scripted link. Started by `test_bindings.py`."""

import hashlib
import json
from dataclasses import replace

import krita
import pytest
from stage import MODEL, STYLES, ScriptedLink, active, generated, kept_files, names, opened, selected, until

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.studio.settings import USUAL_LAYERS, Settings, decode_settings, encode_settings

LAYERED = replace(MODEL, id="layered", name="Layered", variant="layered", references=1, layers=6)
APART = protocol.Style("Apart", "layered")


@pytest.fixture
def studio(link, begin):
    """A studio with a document open, and a backend with a model that makes layers."""
    opened()
    studio = begin(link)
    link.stand(LinkState.ABSENT)
    link.welcome((MODEL, LAYERED), (*STYLES, APART))
    return studio


def finish(link, job, notes=()):
    """Tell of a result: the layers of each picture random bytes, and what they look like together one colour."""
    size = job.selection or protocol.Bounds.of(job.extent)
    width = 4 if job.depth == "u8" else 8

    def named(data):
        name = hashlib.sha256(data).hexdigest()
        contents[name] = data
        return protocol.Raster(name, len(data), size.width, size.height, job.order, job.depth)

    pictures, contents = [], {}
    for index in range(job.count):
        whole = named(bytes([40 + index, 80, 120, 255]) * (size.extent.area * width // 4))
        layers = [named(layer_bytes(index, at, size.extent.area * width)) for at in range(job.layers)]
        pictures.append(protocol.Picture(whole, size, job.seed_of(index), tuple(layers)))
    result = protocol.Result(protocol.Done(job.id, tuple(pictures), notes), contents)
    link.news.emit(result)
    return result


def layer_bytes(index, at, size):
    return (hashlib.sha512(f"{index}/{at}".encode()).digest() * (size // 64 + 1))[:size]


def bits(group, x, y, width, height):
    return [bytes(child.pixelData(x, y, width, height)) for child in group.childNodes()]


def test_only_a_style_whose_model_makes_layers_asks_for_some(studio, link):
    assert studio.most_layers == 0
    assert generated(studio, link, prompt="a hill", layers=3).layers == 0
    studio.change(replace(studio.settings, style="Apart"))
    assert studio.most_layers == 6
    assert generated(studio, link).layers == 3
    # what is set for another model is more than this one makes
    assert generated(studio, link, layers=10).layers == 6
    link.news.emit(protocol.Models((MODEL, replace(LAYERED, problem="Its VAE is missing."))))
    assert studio.most_layers == 0


@pytest.mark.parametrize(("depth", "profile"), [("U8", ""), ("U16", "sRGB-elle-V2-srgbtrc.icc")])
def test_a_picture_becomes_one_group_of_its_layers_to_the_bit(studio, link, depth, profile, tmp_path):
    document = opened(depth=depth, profile=profile)
    studio.refresh()
    selected(document, 10, 5, 20, 12)
    job = generated(studio, link, prompt="a hill", style="Apart", layers=3)
    assert (job.layers, job.depth) == (3, depth.lower())
    finish(link, job)
    until(lambda: names(document) == ["Background", "a hill", "Selection Mask"])
    group = document.rootNode().childNodes()[1]
    assert group.type() == "grouplayer"
    size = job.selection.extent.area * (4 if depth == "U8" else 8)
    assert bits(group, 10, 5, 20, 12) == [layer_bytes(0, at, size) for at in range(3)]
    assert krita.undo_steps(document) == ["Add Layer"]
    krita.undo(document)
    assert names(document) == ["Background", "Selection Mask"]
    assert link.acknowledged == [job.id]
    until(lambda: kept_files(tmp_path) == [])


def test_nothing_comes_in_a_stroke(studio, link):
    document = active()
    job = generated(studio, link, prompt="a hill", style="Apart")
    krita.set_stroke(document, True)
    finish(link, job)
    until(lambda: studio.jobs)
    assert names(document) == ["Background"]
    krita.set_stroke(document, False)
    until(lambda: names(document) == ["Background", "a hill"])
    assert len(document.rootNode().childNodes()[1].childNodes()) == USUAL_LAYERS


def test_several_are_offered_as_they_look_and_applied_as_groups(studio, link):
    document = active()
    job = generated(studio, link, prompt="a hill", style="Apart", layers=2, count=3)
    finish(link, job)
    until(lambda: len(studio.offers) == 3)
    assert names(document) == ["Background"]
    # as all layers look together
    assert studio.offers[1].thumbnail.pixelColor(3, 3).blue() == 41
    studio.apply(job.id, 1)
    until(lambda: names(document) == ["Background", "a hill"])
    group = document.rootNode().childNodes()[1]
    assert bits(group, 0, 0, 60, 40) == [layer_bytes(1, at, 60 * 40 * 4) for at in range(2)]


def test_layers_that_were_dropped_are_fetched_again(studio, link):
    document = active()
    job = generated(studio, link, prompt="a hill", style="Apart", layers=2, count=2)
    result = finish(link, job)
    until(lambda: len(studio.offers) == 2)
    (finished,) = studio._results._shelf
    finished.drop()
    studio.apply(job.id, 0)
    assert link.resumed == [job.id]
    assert names(document) == ["Background"]
    link.news.emit(result)
    until(lambda: names(document) == ["Background", "a hill"])


def test_the_next_krita_offers_what_the_last_one_asked_for(studio, link, begin):
    document = active()
    job = generated(studio, link, prompt="a hill", style="Apart", layers=2)
    until(lambda: not studio._queue.unread)
    studio.close()
    other = ScriptedLink()
    again = begin(other)
    other.stand(LinkState.ABSENT)
    other.welcome((MODEL, LAYERED), (*STYLES, APART))
    until(lambda: other.resumed == [job.id])
    finish(other, job)
    until(lambda: len(again.offers) == 1)
    again.apply(job.id, 0)
    until(lambda: names(document) == ["Background", "a hill"])
    assert document.rootNode().childNodes()[1].type() == "grouplayer"


def test_how_many_layers_is_kept_in_the_document():
    assert decode_settings(encode_settings(Settings(layers=7))).layers == 7
    written = json.loads(encode_settings(Settings()))
    for wrong in (0, 11, "many", True):
        assert decode_settings(json.dumps({**written, "layers": wrong}).encode()).layers == USUAL_LAYERS
    for wrong in (0, protocol.MAX_LAYERS + 1):
        with pytest.raises(ValueError, match="layers must lie between 1 and 10"):
            Settings(layers=wrong)
