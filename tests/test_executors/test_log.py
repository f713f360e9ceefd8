from __future__ import annotations

import stat
import sys

import pytest

from backend.executors import log as log_module
from backend.executors.log import WorkerLog


def begin(path, text: bytes = b"") -> WorkerLog:
    log, stream = WorkerLog.begin(path)
    with stream:
        stream.write(text)
    return log


def test_it_grows_and_each_worker_sees_its_own_lines(tmp_path):
    path = tmp_path / "deep" / "worker.log"
    first = begin(path, b"one\ntwo\n\n")
    second = begin(path)
    third = begin(path, b"Traceback\n  \xff three\x00 \n \n")
    assert path.read_bytes().startswith(b"one\ntwo\n\nTraceback")
    assert second.last_line() == "\ufffd three"
    assert third.last_line() == "\ufffd three"
    assert first.offset == 0
    assert begin(path).last_line() == ""


def test_a_long_one_is_set_aside_once(tmp_path, monkeypatch):
    monkeypatch.setattr(log_module, "MAX_LOG_BYTES", 10)
    path = tmp_path / "worker.log"
    for text in (b"first worker", b"second worker", b"third worker"):
        begin(path, text)
    assert path.read_bytes() == b"third worker"
    assert (tmp_path / "worker.log.1").read_bytes() == b"second worker"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_last_line_of_a_long_log(tmp_path):
    log = begin(tmp_path / "worker.log", b"x" * 100_000 + b"\nthe last")
    assert log.last_line() == "the last"


def test_a_log_that_vanished_has_no_last_line(tmp_path):
    log = begin(tmp_path / "worker.log", b"something")
    log.path.unlink()
    assert log.last_line() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a user's folders by other means")
def test_only_this_user_may_read_it(tmp_path):
    assert stat.S_IMODE(begin(tmp_path / "worker.log").path.stat().st_mode) == 0o600
