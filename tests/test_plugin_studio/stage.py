"""What the tests of the studio share: a Krita, a scripted link, and time that passes. Loaded as a plugin of pytest."""

# ruff: noqa: E402 - what websockets finds is settled before it is imported

import hashlib
import logging
import os
import sys
import threading
import time

import pytest

# as inside Krita, where websockets comes without its compiled part
sys.modules["websockets.speedups"] = None

import krita

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import MAJOR, QtCore, QtGui
from krita_plugin.studio import Studio

WIDTH, HEIGHT = 60, 40
MODEL = protocol.ModelInfo("model", "Model", "sd1", 512, 8, protocol.Context(0.25, 16), 20, 7.0)
STYLES = (protocol.Style("Model", "model"), protocol.Style("Ink", "model", steps=5, template="ink of {prompt}"))


def until(holds, seconds=60):
    """Run Qt's event loop until a condition holds; the time only bounds how long a broken test hangs."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came to hold"
        QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 10)
        time.sleep(0.001)
    return found


class ScriptedLink(QtCore.QObject):
    """A link whose other end is the test: it notes what is asked of it, and tells what the test says."""

    news = QtCore.pyqtSignal(object)
    state_changed = QtCore.pyqtSignal(object)

    def __init__(self):
        super().__init__()
        self.state, self.trouble = LinkState.CLOSED, None
        self.submitted, self.resumed, self.cancelled = {}, [], []
        self.acknowledged, self.requests, self.starts = [], [], 0

    def stand(self, state, trouble=None):
        self.state, self.trouble = state, trouble
        self.state_changed.emit(state)

    def welcome(self, models=(MODEL,), styles=STYLES):
        """As a backend that has just greeted."""
        self.news.emit(protocol.Welcome("0", device=protocol.DeviceInfo("a card", "cuda", 1)))
        self.stand(LinkState.READY)
        self.news.emit(protocol.Models(models))
        self.news.emit(protocol.Styles(styles, "/styles"))

    def submit(self, job, attachments):
        assert job.id not in self.submitted
        assert {raster.content for raster in job.rasters} == set(attachments)
        for name, data in attachments.items():
            assert hashlib.sha256(bytes(data)).hexdigest() == name
        self.submitted[job.id] = job

    def resume(self, job_id):
        self.resumed.append(job_id)

    def cancel(self, job_id):
        self.cancelled.append(job_id)

    def acknowledge(self, job_id):
        self.acknowledged.append(job_id)

    def request(self, message):
        if self.state is not LinkState.READY:
            raise ConnectionError("there is no connection to the backend")
        self.requests.append(message)

    def start_backend(self):
        self.starts += 1

    def finish(self, job, bounds=None, told=None, prompts=(), darkest=40, held=QtCore.QByteArray):
        """Tell of a result: each picture of one colour, all of them different, the first with the blue of `darkest`.

        `told` has what a Done tells besides. `prompts` are those that they drew. Pixels that come over the disk are `held` as
        QByteArray, those in frames as bytes.
        """
        bounds = bounds or protocol.Bounds.of(job.extent)
        width = 4 if job.depth == "u8" else 8
        pictures, contents = [], {}
        for index in range(job.count):
            data = (bytes([darkest + index, 80, 120]) * (width // 4) + b"\xff" * (width // 4))[:width]
            if width == 8:
                data = bytes(value for value in (darkest + index, 80, 120, 255) for _ in range(2))
            data *= bounds.extent.area
            name = hashlib.sha256(data).hexdigest()
            raster = protocol.Raster(name, len(data), bounds.width, bounds.height, job.order, job.depth)
            drawn = prompts[index] if prompts else ""
            pictures.append(protocol.Picture(raster, bounds, job.seed_of(index), prompt=drawn))
            contents[name] = held(data)
        self.news.emit(protocol.Result(protocol.Done(job.id, tuple(pictures), **(told or {})), contents))


class Heard:
    """How often each signal of the studio came."""

    def __init__(self, studio):
        self.counts = {}
        for name in (*("document", "settings", "jobs", "offers", "backend", "notice", "styles"), "loras", "references"):
            getattr(studio, f"{name}_changed").connect(lambda name=name: self._count(name))

    def _count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def take(self):
        counts, self.counts = self.counts, {}
        return counts


@pytest.fixture(scope="session", autouse=True)
def app():
    assert os.environ["SCUMBLE_QT"] == str(MAJOR)
    return QtGui.QGuiApplication([])


@pytest.fixture(autouse=True)
def fresh(caplog):
    """A Krita without documents; and no test leaves a traceback, but for those that clear it away."""
    krita.quit_krita()
    caplog.set_level(logging.INFO)
    yield
    assert [record for record in caplog.records if record.exc_info] == []
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("scumble-")])


@pytest.fixture
def link():
    return ScriptedLink()


@pytest.fixture
def begin(tmp_path):
    """Make studios, and close them in the end."""
    made = []

    def begin(link):
        studio = Studio(link, krita.Krita.instance(), tmp_path / "jobs", tmp_path / "plugin.log")
        made.append(studio)
        return studio

    yield begin
    for studio in made:
        studio.close()


@pytest.fixture
def studio(link, begin):
    """A studio with a document open, and a backend that is ready."""
    opened()
    studio = begin(link)
    link.stand(LinkState.ABSENT)
    link.welcome()
    return studio


def opened(name="picture", model="RGBA", depth="U8", profile=""):
    """Open a document, as the painter does."""
    document = krita.Krita.instance().createDocument(WIDTH, HEIGHT, name, model, depth, profile, 300.0)
    krita.show(document)
    return document


def copied(document, name):
    """Open a document with the very layers of another, as when a copy of its file is opened, or it itself once more."""
    copy = opened(name)
    for mine, its in zip(copy._inner.root.children, document._inner.root.children, strict=True):
        mine.id = its.id
    copy._inner.annotations.update(document._inner.annotations)
    return copy


def selected(document, x, y, width, height, value=255):
    selection = krita.Selection()
    selection.select(x, y, width, height, value)
    document.setSelection(selection)


def names(document):
    return [node.name() for node in document.rootNode().childNodes()]


def active():
    return krita.Krita.instance().activeDocument()


def generated(studio, link, **settings):
    """Press Generate, and return the job that was sent."""
    from dataclasses import replace

    if settings:
        studio.change(replace(studio.settings, **settings))
    before = set(link.submitted)
    studio.generate()
    (job_id,) = until(lambda: set(link.submitted) - before)
    return link.submitted[job_id]


def kept_files(tmp_path):
    # A job that is being written anew stands beside its file for a moment, under another ending, until it takes its place.
    return sorted(path.name for path in (tmp_path / "jobs").glob("*.json"))
