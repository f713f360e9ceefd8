"""The link under one binding, against a real server in a process of its own. Started by `test_bindings.py`, once for each."""

# ruff: noqa: E402 - what websockets finds is settled before it is imported

import contextlib
import functools
import hashlib
import json
import logging
import os
import signal
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
from krita_plugin.link import connection, discovery
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


def until(holds, seconds=20):
    """Run Qt's event loop until a condition holds; the time only bounds how long a broken test hangs."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it never came to hold"
        QtCore.QCoreApplication.processEvents(QtCore.QEventLoop.ProcessEventsFlag.AllEvents, 10)
        time.sleep(0.001)
    return found


def patiently(holds, seconds=20):
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


# --- jobs


@pytest.mark.parametrize("make", [bytes, QtCore.QByteArray])
def test_a_job_comes_back_bit_for_bit(ready, make):
    job, pixels = submit(ready, 600, make)
    assert ready.waiting == {job.id}
    assert result_of(ready, job) == [pixels]
    assert ready.waiting == frozenset()
    assert ready.heard.states[-1] is LinkState.READY
    ready.acknowledge(job.id)


def test_several_jobs_each_come_back(ready):
    sent = [submit(ready, 16 + number, seed=number, count=1 + number % 3) for number in range(12)]
    for job, pixels in sent:
        assert result_of(ready, job) == [pixels] * job.count
    assert len(ready.heard.of(protocol.Result)) == len(sent)


def test_acknowledged_results_are_forgotten_by_the_backend(ready):
    job, _ = submit(ready)
    result_of(ready, job)
    ready.acknowledge(job.id)
    ready.request(protocol.Query((job.id,)))
    (jobs,) = until(lambda: ready.heard.of(protocol.Jobs))
    assert [status.state for status in jobs.states] == ["unknown"]


def test_a_request_is_answered(ready):
    ready.request(protocol.ListModels())
    assert until(lambda: ready.heard.of(protocol.Models))


def test_cancel_ends_a_job_that_runs_and_one_that_waits(link, backend):
    backend.start(pause=0.2)
    link.open()
    first, _ = submit(link, style=protocol.Style(steps=1000))
    second, _ = submit(link, style=protocol.Style(steps=1000))
    until(lambda: [news for news in link.heard.of(protocol.Progress) if news.id == first.id and news.step])
    link.cancel(second.id)
    link.cancel(first.id)
    for job in (first, second):
        (end,) = until(functools.partial(link.heard.ends, job.id))
        assert isinstance(end, protocol.Cancelled)
    assert link.waiting == frozenset()


def test_what_cannot_be_sent_is_refused_where_it_is_said(ready):
    job, name = job_with(square(8), 8)
    with pytest.raises(ValueError, match="attachments are missing"):
        ready.submit(job, {})
    with pytest.raises(ValueError, match="id must be"):
        ready.resume("../../etc/passwd")
    with pytest.raises(ValueError, match="id"):
        ready.acknowledge("")
    ready.submit(job, {name: square(8)})
    with pytest.raises(ValueError, match="waiting already"):
        ready.submit(job, {name: square(8)})


def test_a_request_without_a_connection_is_refused(link):
    link.open()
    with pytest.raises(ConnectionError, match="no connection"):
        link.request(protocol.ListModels())


def test_names_are_the_contents_hashes(ready):
    contents, found = [b"", b"abc", QtCore.QByteArray(b"x" * MIB)], []
    ready.name(contents, found.append)
    until(lambda: found)
    assert found == [tuple(hashlib.sha256(content).hexdigest() for content in (b"", b"abc", b"x" * MIB))]


# --- backends that come and go


def test_it_finds_a_backend_that_comes_later(link, backend):
    link.open()
    until(lambda: link.state is LinkState.ABSENT)
    job, pixels = submit(link)
    backend.start()
    assert result_of(link, job) == [pixels]
    assert link.heard.states == [LinkState.ABSENT, LinkState.CONNECTING, LinkState.READY]


def test_a_job_outlives_its_backend_and_comes_once(link, backend):
    backend.start(pause=30)
    link.open()
    job, pixels = submit(link)
    until(lambda: [news for news in link.heard.of(protocol.Progress) if news.stage == "painting"])
    backend.kill()
    until(lambda: link.state is LinkState.ABSENT)
    assert link.waiting == {job.id}
    backend.start()
    assert result_of(link, job) == [pixels]
    another, _ = submit(link)
    result_of(link, another)
    assert len(link.heard.ends(job.id)) == 1
    assert link.heard.states[-4:] == [LinkState.LOST, LinkState.ABSENT, LinkState.CONNECTING, LinkState.READY]


def test_a_result_is_fetched_by_the_next_link_of_the_installation(backend):
    backend.start(pause=0.01)
    first = Link("the installation", "a test")
    first.heard = Hearer(first)
    first.open()
    job, pixels = submit(first)
    until(lambda: first.heard.of(protocol.Accepted))
    first.close()
    second = Link("the installation", "a test")
    second.heard = Hearer(second)
    second.open()
    second.resume(job.id)
    assert result_of(second, job) == [pixels]
    second.close()
    assert first.heard.ends(job.id) == []


def test_a_backend_that_does_not_let_us_in_is_told_of(link, backend, monkeypatch):
    backend.start()
    until(discovery.find)
    told = json.loads((backend.home / "run" / "server.json").read_text())
    wrong = discovery.Found(**{**told, "token": "f" * 64})
    right, answers = discovery.Found(**told), [wrong]
    other = Link("another", "a test", find=lambda: answers[-1])
    heard = Hearer(other)
    other.open()
    until(lambda: other.state is LinkState.REFUSED)
    assert "401" in other.trouble.happened
    # and is found again as soon as it is another one
    answers.append(right)
    until(lambda: other.state is LinkState.READY)
    assert other.trouble is None
    other.close()
    assert heard.states == [LinkState.CONNECTING, LinkState.REFUSED, LinkState.READY]


def test_a_port_where_nobody_listens_is_told_of_and_tried_again(link, backend):
    nobody = discovery.Found("127.0.0.1", 1, "f" * 64, "0", os.getpid(), time.time())
    answers = [nobody]
    other = Link("another", "a test", find=lambda: answers[-1])
    other.open()
    until(lambda: other.state is LinkState.LOST)
    assert other.trouble.code == "no_connection"
    backend.start()
    answers.append(until(discovery.find))
    until(lambda: other.state is LinkState.READY)
    other.close()


def test_a_link_whose_search_breaks_goes_on(backend, caplog):
    backend.start()
    until(discovery.find)
    left = [OSError("the disk is gone")]

    def find():
        if left:
            raise left.pop()
        return discovery.find()

    other = Link("another", "a test", find=find)
    other.open()
    until(lambda: other.state is LinkState.LOST)
    assert "the disk is gone" in other.trouble.happened
    until(lambda: other.state is LinkState.READY)
    other.close()
    caplog.clear()


# --- starting one


def record(home, **fields):
    (home / "data").mkdir(exist_ok=True)
    (home / "data" / "backend.json").write_text(json.dumps(fields))


def test_the_recorded_backend_is_started_and_found(link, backend):
    record(backend.home, python=sys.executable, folder=str(backend.home))
    link.open()
    until(lambda: link.state is LinkState.ABSENT)
    link.start_backend()
    link.start_backend()
    until(lambda: link.state is LinkState.READY, 40)
    assert link.heard.states == [LinkState.ABSENT, LinkState.STARTING, LinkState.CONNECTING, LinkState.READY]
    assert link.trouble is None
    link.request(protocol.GetStatus())
    (status,) = until(lambda: link.heard.of(protocol.Status))
    assert Path(f"/proc/{status.process}/cwd").resolve() == backend.home or sys.platform != "linux"
    link.request(protocol.Shutdown(True))
    until(lambda: link.state is LinkState.ABSENT)
    # buried, so that no zombie is left of it
    until(lambda: link._connection._started is None)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (None, "not_recorded"),
        ({"python": "python", "folder": "/"}, "bad_record"),
        ({"python": "/nowhere/python", "folder": "/"}, "not_startable"),
    ],
)
def test_a_backend_that_cannot_be_started_is_told_of(link, backend, fields, code):
    if fields is not None:
        record(backend.home, **fields)
    link.open()
    until(lambda: link.state is LinkState.ABSENT)
    link.start_backend()
    until(lambda: link.trouble)
    assert (link.state, link.trouble.code) == (LinkState.ABSENT, code)
    # it stays to be read, and another backend is found all the same
    backend.start()
    until(lambda: link.state is LinkState.READY)
    assert link.trouble is None


def test_a_backend_that_ends_at_once_is_told_of_in_its_own_words(link, backend):
    blocked = backend.home / "data"
    record(backend.home, python=sys.executable, folder=str(backend.home))
    (backend.home / "run").write_text("a file where a folder is to be")
    link.open()
    until(lambda: link.state is LinkState.ABSENT)
    link.start_backend()
    until(lambda: link.trouble, 40)
    assert link.trouble.code == "not_started"
    assert str(backend.home / "run") in link.trouble.happened
    assert blocked.is_dir()


# --- the end


def test_close_in_any_state_and_twice(backend):
    unopened = Link("one", "a test")
    unopened.close()
    unopened.close()
    unopened.open()
    assert unopened.state is LinkState.CLOSED
    at_once = Link("two", "a test")
    at_once.open()
    at_once.close()
    at_once.close()
    with pytest.raises(ConnectionError, match="closed"):
        submit(at_once)
    at_once.cancel("0" * 32)


def test_no_signal_comes_after_close(ready):
    heard = ready.heard
    for _ in range(4):
        submit(ready)
    # much is in the box, and no event is handled meanwhile
    patiently(lambda: len(ready._mailbox._entries) >= 4)
    ready.close()
    before = (len(heard.news), len(heard.states))
    for _ in range(50):
        QtCore.QCoreApplication.processEvents()
    assert (len(heard.news), len(heard.states)) == before
    assert ready.state is LinkState.CLOSED


def test_what_was_said_last_still_leaves(backend):
    backend.start()
    first = Link("the installation", "a test")
    first.heard = Hearer(first)
    first.open()
    job, _ = submit(first)
    result_of(first, job)
    first.acknowledge(job.id)
    first.close()
    second = Link("the installation", "a test")
    second.heard = Hearer(second)
    second.open()
    until(lambda: second.state is LinkState.READY)
    second.request(protocol.Query((job.id,)))
    (jobs,) = until(lambda: second.heard.of(protocol.Jobs))
    second.close()
    assert [status.state for status in jobs.states] == ["unknown"]


def test_close_does_not_wait_for_a_backend_that_hangs(ready, serving):
    os.kill(serving.process.pid, signal.SIGSTOP)
    try:
        submit(ready, 2048)
        begun = time.monotonic()
        ready.close()
        # joined: the fixture sees that no thread is left
        assert time.monotonic() - begun < 2 * connection.CLOSE_SECONDS + connection.FLUSH_SECONDS + 1
    finally:
        os.kill(serving.process.pid, signal.SIGCONT)


def test_closed_by_one_who_listens(link, backend):
    backend.start()
    link.news.connect(lambda _: link.close())
    link.open()
    until(lambda: link.state is LinkState.CLOSED and link.heard.news)
    assert len(link.heard.news) == 1


def test_deleted_without_a_close_the_thread_ends(backend):
    backend.start()
    other = Link("another", "a test")
    other.open()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "scumble-link"]
    other.deleteLater()
    QtCore.QCoreApplication.sendPostedEvents(None, int(QtCore.QEvent.Type.DeferredDelete))
    until(lambda: not thread.is_alive())


# --- the main thread stays the painter's


class Heartbeat:
    """A timer that notes the longest time between two of its beats, in seconds."""

    def __init__(self):
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = QtCore.QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


BOUND = 0.1
"""Seconds. Some 15 ms on an idle machine; done in the main thread, it would be several hundred."""


def echo_64_mib(link):
    """Name, send and fetch back 64 MiB; return for how long the main thread stood still at most, in seconds."""
    side, named = 4096, []
    pixels = QtCore.QByteArray(square(side))
    heart = Heartbeat()
    link.name([pixels], named.extend)
    until(lambda: named)
    raster = protocol.Raster(named[0], len(pixels), side, side, "rgba")
    job = protocol.Job(uuid.uuid4().hex, protocol.Extent(side, side), image=raster, strength=0.5)
    link.submit(job, {raster.content: pixels})
    (made,) = result_of(link, job)
    stall = heart.longest
    assert made == pixels.data()
    link.acknowledge(job.id)
    return stall


def test_the_main_thread_goes_on_while_64_mib_go_through(ready):
    stalls = []
    # another process may take the machine for a while; the link itself would do it every time
    while not stalls or (min(stalls) > BOUND and len(stalls) < 6):
        stalls.append(echo_64_mib(ready))
    print(f"longest stall of the main thread while 64 MiB went through: {1000 * min(stalls):.1f} ms")
    assert min(stalls) < BOUND


def test_a_main_thread_that_is_late_hears_the_newest_and_every_end(link, backend):
    backend.start(pause=0.002)
    link.open()
    job, pixels = submit(link, style=protocol.Style(steps=400))
    until(lambda: link.heard.of(protocol.Progress))
    before = len(link.heard.of(protocol.Progress))
    patiently(lambda: not link._painter.waiting)
    assert result_of(link, job) == [pixels]
    assert len(link.heard.of(protocol.Progress)) - before <= 2
    assert isinstance(link.heard.news[-1], protocol.Result)
