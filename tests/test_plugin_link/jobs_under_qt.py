"""Jobs and requests through the link, against a real server. Started by `test_bindings.py`."""

import functools
import hashlib
import os

import pytest
from stage import MIB, job_with, result_of, square, submit, until

from krita_plugin.bundled import protocol
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore


@pytest.mark.parametrize("make", [bytes, QtCore.QByteArray])
def test_a_job_comes_back_bit_for_bit(ready, make):
    job, pixels = submit(ready, 600, make)
    assert ready.waiting == {job.id}
    assert result_of(ready, job) == [pixels]
    assert ready.waiting == frozenset()
    assert ready.heard.states[-1] is LinkState.READY
    ready.acknowledge(job.id)


def test_a_result_is_read_from_the_disk_into_what_krita_takes(ready):
    job, pixels = submit(ready, 600)
    (made,) = result_of(ready, job)
    assert type(made) is QtCore.QByteArray
    assert made.data() == pixels


def test_where_the_backends_files_are_not_to_be_seen_pixels_come_in_frames(ready, monkeypatch):
    """As for a Krita in a sandbox of its own."""
    monkeypatch.setattr(protocol.Lay, "carry_out", lambda _: False)
    monkeypatch.setattr(protocol.Fetch, "carry_out", lambda *_: None)
    job, pixels = submit(ready, 600)
    (made,) = result_of(ready, job)
    assert type(made) is bytes
    assert made == pixels


def test_a_fault_while_pixels_are_read_is_mended_by_a_new_connection(ready, monkeypatch, caplog):
    def fault(*_):
        monkeypatch.undo()
        monkeypatch.setenv("SCUMBLE_HOME", home)
        raise ZeroDivisionError

    home = os.environ["SCUMBLE_HOME"]
    monkeypatch.setattr(protocol.Fetch, "carry_out", fault)
    job, pixels = submit(ready, 600)
    assert result_of(ready, job) == [pixels]
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]
    caplog.clear()


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
