"""The studio with the real link against a real server of a process of its own, which echoes. Started by `test_bindings.py`."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import krita
import pytest
from bindings.heartbeat import Heartbeat, least_stall
from stage import active, kept_files, names, opened, selected, until

from krita_plugin.bundled import protocol
from krita_plugin.link.link import Link
from krita_plugin.qt import QtCore
from krita_plugin.studio import BackendState, JobStage, NoticeAction, Settings

ECHO_SERVER = Path(__file__).parents[1] / "test_plugin_link" / "echo_server.py"


class Backend:
    """A server that echoes, in a process of its own."""

    def __init__(self, home):
        self.home = home
        self.process = None

    def start(self, pause=0.0):
        environment = {**os.environ, "SCUMBLE_HOME": str(self.home)}
        with (self.home / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, ECHO_SERVER, str(pause)], env=environment, stdout=log, stderr=log
            )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)


@pytest.fixture
def backend(tmp_path, monkeypatch):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    made = Backend(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def connect():
    """Make open links of one installation, and close them in the end."""
    made, installation = [], uuid.uuid4().hex

    def connect():
        link = Link(installation, "a test")
        made.append(link)
        link.open()
        return link

    yield connect
    for link in made:
        link.close()


@pytest.fixture
def running(backend, connect, begin):
    backend.start()
    opened()
    studio = begin(connect())
    until(lambda: studio._backend.known)
    return studio


def paint(document, colour):
    data = bytes(colour) * (document.width() * document.height())
    document.activeNode().setPixelData(QtCore.QByteArray(data), 0, 0, document.width(), document.height())
    document.refreshProjection()


def test_the_picture_goes_there_and_comes_back(running, tmp_path):
    document = active()
    paint(document, (10, 20, 30, 255))
    selected(document, 20, 10, 12, 8)
    heard = []
    running._link.news.connect(heard.append)
    running.change(Settings(prompt="an echo", strength=0.5))
    running.generate()
    job_id = running.jobs[0].id
    until(lambda: "an echo" in names(document))
    layer = document.rootNode().childNodes()[1]
    assert layer.bounds() == QtCore.QRect(20, 10, 12, 8)
    assert bytes(layer.pixelData(20, 10, 12, 8)) == bytes((10, 20, 30, 255)) * 96
    assert (running.jobs, running.offers, running.notice) == ((), (), None)
    assert running.backend.state is BackendState.READY
    until(lambda: kept_files(tmp_path) == [])
    # and is kept nowhere any more
    running._link.request(protocol.Query((job_id,)))
    jobs = until(lambda: [news for news in heard if isinstance(news, protocol.Jobs)])[-1]
    assert [status.state for status in jobs.states] == ["unknown"]


def test_the_backend_tells_its_styles(running):
    assert running.styles
    assert running.styles[0].model
    assert running.backend.device == "echo"


def test_variations_are_offered_and_fetched_again(running):
    running._results._shelf._most = 0
    running.change(Settings(prompt="three", count=3, strength=0.5))
    running.generate()
    until(lambda: len(running.offers) == 3)
    until(lambda: not running._results._shelf.get(running.offers[0].job).contents)
    running.apply_chosen()
    until(lambda: names(active()) == ["Background", "three"])
    running.discard_all()
    assert running.offers == ()


def test_cancel_ends_a_job_that_is_painted(backend, connect, begin, tmp_path):
    backend.start(pause=0.2)
    opened()
    studio = begin(connect())
    until(lambda: studio._backend.known)
    studio.change(Settings(strength=0.5))
    studio.generate()
    studio.generate()
    until(lambda: [view.stage for view in studio.jobs] == [JobStage.PAINTING, JobStage.QUEUED])
    assert studio.backend.state is BackendState.BUSY
    studio.stop_backend()
    until(lambda: studio.notice)
    assert studio.notice.actions == (NoticeAction.STOP_ANYWAY,)
    studio.dismiss_notice()
    for view in studio.jobs:
        studio.cancel(view.id)
    until(lambda: studio.jobs == ())
    assert (studio.notice, names(active())) == (None, ["Background"])
    until(lambda: kept_files(tmp_path) == [])


def test_a_job_outlives_its_backend(backend, connect, begin, monkeypatch):
    backend.start(pause=30)
    opened()
    link = connect()
    studio = begin(link)
    until(lambda: studio._backend.known)
    # the way in which the recorded backend is started has tests of its own
    monkeypatch.setattr(link, "start_backend", backend.start)
    studio.change(Settings(prompt="twice", strength=0.5))
    studio.generate()
    until(lambda: [view.stage for view in studio.jobs] == [JobStage.PAINTING])
    backend.kill()
    until(lambda: names(active()) == ["Background", "twice"])
    assert (studio.jobs, studio.notice) == ((), None)
    assert krita.undo_steps(active()) == ["Add Layer"]


def test_a_new_krita_gets_what_the_last_one_asked_for(backend, connect, begin, tmp_path):
    backend.start(pause=0.01)
    document = opened()
    first_link = connect()
    first = begin(first_link)
    until(lambda: first._backend.known)
    first.change(Settings(prompt="late", strength=0.5))
    first.generate()
    until(lambda: [view.stage for view in first.jobs] in ([JobStage.QUEUED], [JobStage.PAINTING]))
    # from here on it is dead: nothing more is acknowledged or written
    first.close()
    first_link.close()
    second = begin(connect())
    until(lambda: second.offers)
    assert names(document) == ["Background"]
    second.apply_chosen()
    until(lambda: names(document) == ["Background", "late"])
    assert second.offers == ()
    until(lambda: kept_files(tmp_path) == [])


BOUND = 0.1
"""Seconds. Some 20 ms on an idle machine; done in the main thread, looking at 64 MiB of pictures takes several hundred."""


def test_the_main_thread_goes_on_while_pictures_arrive(running, monkeypatch):
    document = krita.Krita.instance().createDocument(2048, 2048, "large", "RGBA", "U8", "", 300.0)
    krita.show(document)
    running.refresh()
    running.change(Settings(prompt="large", count=4, strength=0.5))

    def once():
        running.generate()
        # reading the canvas is Krita's own time
        until(lambda: running.jobs and not running._queue.unread)
        heart = Heartbeat()
        until(lambda: len(running.offers) == 4, 60)
        running.discard_all()
        return heart.longest

    assert least_stall("64 MiB of pictures arrived", once, BOUND) < BOUND
