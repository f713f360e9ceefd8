"""The discovery file as the plugin reads it: the backend's own, and whatever else may lie in its place."""

import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.places import Places
from backend.server import discovery as backend_discovery
from krita_plugin.link import discovery
from krita_plugin.link.process import may_live

TOKEN = "2f0d8c5f4f6c0f1c7a3e9b8d1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Write a file as the backend does, of this living process; returns how to change it."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    places = Places.of_user()
    found = backend_discovery.this_process("127.0.0.1", 4711, TOKEN, "0.1.0")
    backend_discovery.write(places, found)

    def change(**fields):
        plain = {**json.loads(places.discovery.read_text()), **fields}
        places.discovery.write_text(json.dumps({name: value for name, value in plain.items() if value is not ...}))
        return discovery.find()

    change.path, change.found = places.discovery, found
    return change


def test_what_the_backend_writes_is_read(told):
    found = discovery.find()
    assert found.url == "ws://127.0.0.1:4711/"
    assert (found.token, found.process, found.started) == (TOKEN, os.getpid(), told.found.started)
    assert told(host="::1").url == "ws://[::1]:4711/"
    assert told(more="fields are ignored") is not None


@pytest.mark.parametrize(
    "fields",
    [
        {"host": "10.0.0.1"},
        {"host": "localhost.example.org"},
        {"host": 1},
        {"port": 0},
        {"port": 65536},
        {"port": True},
        {"port": "4711"},
        {"port": 4711.0},
        {"token": ""},
        {"token": "a b"},
        {"token": "a\r\nHost: elsewhere"},
        {"token": "a" * 513},
        {"token": None},
        {"version": 1},
        {"process": 0},
        {"process": -1},
        {"process": 2**80},
        {"process": "1"},
        {"started": 1},
        {"started": float("nan")},
        {"started": float("inf")},
        {"host": ...},
        {"token": ...},
        {"started": ...},
    ],
    ids=str,
)
def test_what_does_not_fit_is_no_backend(told, fields):
    assert told() is not None
    assert told(**fields) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 60_000, b'"' + b"a" * 70_000 + b'"'],
    ids=lambda data: data[:8],
)
def test_what_is_no_such_file_is_no_backend(told, data):
    told.path.write_bytes(data)
    assert discovery.find() is None


def test_a_file_above_the_bound_is_not_read(told):
    text = told.path.read_text()
    told.path.write_text(text + " " * (discovery.MAX_BYTES - len(text)))
    assert discovery.find() is not None
    told.path.write_text(text + " " * (discovery.MAX_BYTES - len(text) + 1))
    assert discovery.find() is None


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["host", "port", "token", "process"]), inner),
    ).map(lambda plain: json.dumps(plain).encode())
)
def test_any_bytes_at_all_are_read_without_an_error(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    discovery._parse(text)


def test_no_file_and_no_folder(tmp_path):
    assert discovery.find(tmp_path / "nothing" / "server.json") is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither these bits nor these kinds of files")
class TestForeignFiles:
    @pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o666])
    def test_a_file_that_others_may_read_or_write(self, told, mode):
        told.path.chmod(mode)
        assert discovery.find() is None

    def test_a_link(self, told):
        real = told.path.rename(told.path.with_name("real"))
        told.path.symlink_to(real)
        assert discovery.find() is None

    def test_a_pipe_that_nobody_writes_is_not_waited_for(self, told):
        told.path.unlink()
        os.mkfifo(told.path, 0o600)
        assert discovery.find() is None

    def test_a_folder(self, told):
        told.path.unlink()
        told.path.mkdir(0o700)
        assert discovery.find() is None

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
    def test_another_users_file(self, told):
        os.chown(told.path, 12345, 12345)
        assert discovery.find() is None


def test_a_dead_process_is_no_backend(told):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert told(process=ended.pid) is None


def test_a_later_process_of_the_same_number_is_no_backend(told):
    assert told(started=told.found.started - 61) is None
    assert told(started=told.found.started + 61) is None
    assert told(started=told.found.started - 50) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a dead child looks alive until it is asked after")
def test_a_dead_child_that_nobody_has_asked_after_is_no_backend():
    child = subprocess.Popen([sys.executable, "-c", ""])
    end = time.monotonic() + 10
    while may_live(child.pid, time.time()):
        assert time.monotonic() < end
        time.sleep(0.01)
    child.wait()


def test_the_start_of_a_process_is_what_psutil_says(told):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    import psutil

    started = psutil.Process(child.pid).create_time()
    assert may_live(child.pid, started)
    assert not may_live(child.pid, started + 70)
    child.communicate(b"\n")
