"""The link's end, in any state. Started by `test_bindings.py`."""

import os
import signal
import threading
import time

import pytest
from stage import Hearer, patiently, result_of, submit, until

from krita_plugin.bundled import protocol
from krita_plugin.link import connection
from krita_plugin.link.link import Link
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore


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
