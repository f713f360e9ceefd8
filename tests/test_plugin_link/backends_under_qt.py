"""Backends that come, go, are started, and do not let the link in. Started by `test_bindings.py`."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from stage import Hearer, record, result_of, submit, until

from krita_plugin.bundled import protocol
from krita_plugin.link import discovery
from krita_plugin.link.link import Link
from krita_plugin.link.standing import LinkState


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
