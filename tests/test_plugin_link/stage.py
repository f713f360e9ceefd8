"""What the tests of the link share: a real server in a process of its own, and links to it. Loaded as a plugin of pytest."""

# ruff: noqa: E402 - what websockets finds is settled before it is imported

import contextlib
import hashlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest

# as inside Krita, where websockets comes without its compiled part
sys.modules["websockets.speedups"] = None

from krita_plugin.bundled import protocol
from krita_plugin.link.link import Link
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import MAJOR, QtCore

HERE = Path(__file__).parent
MIB = 1024 * 1024


@pytest.fixture(scope="session", autouse=True)
def app():
    assert os.environ["SCUMBLE_QT"] == str(MAJOR)
    print(f"{QtCore.__name__} {QtCore.PYQT_VERSION_STR}, Python {sys.version.split()[0]}")
    return QtCore.QCoreApplication([])


@pytest.fixture(autouse=True)
def nothing_in_the_log(caplog):
    """No test leaves a traceback, not even in the log."""
    caplog.set_level(logging.INFO)
    yield
    assert [record for record in caplog.records if record.exc_info] == []
    assert [thread for thread in threading.enumerate() if thread.name == "scumble-link"] == []


def until(holds, seconds=60):
    """Run Qt's event loop until a condition holds; the time only bounds how long a broken test hangs."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came to hold"
        QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 10)
        time.sleep(0.001)
    return found


def patiently(holds, seconds=60):
    """Keep the main thread from its events until a condition holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.001)


class Backend:
    """A server that echoes, in a process of its own."""

    def __init__(self, home):
        self.home = home
        self.process = None

    def start(self, pause=0):
        command = [sys.executable, HERE / "echo_server.py", str(pause)]
        environment = {**os.environ, "SCUMBLE_HOME": str(self.home)}
        with (self.home / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

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


class Hearer:
    """Keeps all that a link tells, and in which thread it was told."""

    def __init__(self, link):
        self.news, self.states, self.threads = [], [], set()
        link.news.connect(self.hear)
        link.state_changed.connect(self.see)

    def hear(self, news):
        self.threads.add(threading.get_ident())
        self.news.append(news)

    def see(self, state):
        self.threads.add(threading.get_ident())
        self.states.append(state)

    def of(self, kind):
        return [news for news in self.news if isinstance(news, kind)]

    def ends(self, job_id):
        ended = (protocol.Result, protocol.Failed, protocol.Cancelled)
        return [
            news
            for news in self.of(ended)
            if (news.done.id if isinstance(news, protocol.Result) else news.id) == job_id
        ]


@contextlib.contextmanager
def a_link():
    made = Link(uuid.uuid4().hex, "a test")
    made.heard = Hearer(made)
    yield made
    made.close()
    assert made.heard.threads <= {threading.get_ident()}


@pytest.fixture
def link(backend):
    """A link that is not open yet, to a backend that does not run yet."""
    with a_link() as made:
        yield made


@pytest.fixture(scope="session")
def serving(tmp_path_factory):
    """A backend that runs all the while."""
    made = Backend(tmp_path_factory.mktemp("serving"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def ready(serving, monkeypatch):
    """A link that is ready."""
    monkeypatch.setenv("SCUMBLE_HOME", str(serving.home))
    with a_link() as made:
        made.open()
        until(lambda: made.state is LinkState.READY)
        yield made


def square(side):
    """Return fresh pixels, 4 bytes each."""
    return os.urandom(side * 4) * side


def job_with(pixels, side, **fields):
    name = hashlib.sha256(pixels).hexdigest()
    raster = protocol.Raster(name, len(pixels), side, side, "rgba")
    fields = {"strength": 0.5, **fields}
    return protocol.Job(uuid.uuid4().hex, protocol.Extent(side, side), image=raster, **fields), name


def submit(link, side=32, make=bytes, **fields):
    pixels = square(side)
    job, name = job_with(pixels, side, **fields)
    link.submit(job, {name: make(pixels)})
    return job, pixels


def result_of(link, job):
    (end,) = until(lambda: link.heard.ends(job.id))
    assert isinstance(end, protocol.Result), end
    return [end.contents[picture.image.content] for picture in end.done.pictures]


def record(home, **fields):
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / "backend.json").write_text(json.dumps(fields))
