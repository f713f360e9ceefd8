from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from backend.server import CannotServe, discovery, private
from backend.server.token import token_at

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX's")


@pytest.fixture
def listening():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def found(listening):
    return discovery.this_process("127.0.0.1", listening, "0" * 64, "1.2.3")


def test_a_running_server_is_found(places, found):
    assert discovery.read(places) is None
    discovery.write(places, found)
    assert discovery.read(places) == found
    discovery.remove(places, found)
    assert discovery.read(places) is None
    assert not places.discovery.exists()


@posix
def test_only_this_user_may_read_it(places, found):
    discovery.write(places, found)
    assert stat.S_IMODE(places.discovery.stat().st_mode) == 0o600
    assert stat.S_IMODE(places.runtime.stat().st_mode) == 0o700
    assert os.listdir(places.runtime) == ["server.json"], "no half file is left"


@posix
def test_one_that_others_may_read_or_that_is_a_link_is_not_believed(places, found, tmp_path):
    discovery.write(places, found)
    places.discovery.chmod(0o644)
    assert discovery.read(places) is None
    places.discovery.chmod(0o600)
    assert discovery.read(places) == found
    places.discovery.rename(tmp_path / "elsewhere")
    places.discovery.symlink_to(tmp_path / "elsewhere")
    assert discovery.read(places) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_in_its_place_makes_nobody_wait(places):
    places.discovery.parent.mkdir(parents=True)
    os.mkfifo(places.discovery, 0o600)
    assert discovery.read(places) is None


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
def test_another_users_file_is_not_believed_nor_their_folder_used(places, found):
    discovery.write(places, found)
    os.chown(places.discovery, 65534, 65534)
    assert discovery.read(places) is None
    os.chown(places.runtime, 65534, 65534)
    with pytest.raises(CannotServe) as refused:
        discovery.write(places, found)
    assert refused.value.failure.code == "foreign_folder"


def test_one_of_a_process_that_is_gone_is_stale(places, found):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    discovery.write(places, replace(found, process=gone.pid))
    assert discovery.read(places) is None


def test_one_whose_process_id_was_given_out_again_is_stale(places, found):
    other = os.getppid()
    assert psutil.pid_exists(other)
    discovery.write(places, replace(found, started=found.started - 3600))
    assert discovery.read(places) is None
    discovery.write(places, found)
    assert discovery.read(places) == found


def test_one_where_nothing_answers_is_stale(places, found):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    discovery.write(places, replace(found, port=port))
    assert discovery.read(places) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"host": 1}', "\x00", "9" * 5000, "[" * 100_000])
def test_a_broken_one_is_none(places, found, text):
    discovery.write(places, found)
    private.write(places.discovery, text)
    assert discovery.read(places) is None


def test_every_field_is_checked(places, found):
    discovery.write(places, found)
    whole = json.loads(places.discovery.read_text())
    for field in whole:
        for wrong in (None, [], {"a": 1}, -1, 2**70, "x" * 10):
            if type(wrong) is type(whole[field]) and field in ("token", "version"):
                continue
            private.write(places.discovery, json.dumps(whole | {field: wrong}))
            assert discovery.read(places) is None, (field, wrong)
        private.write(places.discovery, json.dumps({name: value for name, value in whole.items() if name != field}))
        assert discovery.read(places) is None


def test_what_another_server_has_told_is_not_removed(places, found):
    discovery.write(places, replace(found, token="1" * 64))
    discovery.remove(places, found)
    assert places.discovery.exists()


def test_the_token_is_256_bits_private_and_stays(places):
    token = token_at(places.token)
    assert len(bytes.fromhex(token)) == 32
    assert token_at(places.token) == token
    if sys.platform != "win32":
        assert stat.S_IMODE(places.token.stat().st_mode) == 0o600
        assert stat.S_IMODE(places.data.stat().st_mode) == 0o700


def test_two_installations_have_two_tokens(tmp_path):
    assert token_at(tmp_path / "a" / "token") != token_at(tmp_path / "b" / "token")


@posix
def test_a_token_that_others_could_read_is_replaced(places):
    token = token_at(places.token)
    places.token.chmod(0o640)
    renewed = token_at(places.token)
    assert renewed != token
    assert stat.S_IMODE(places.token.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "short", "g" * 64, "0" * 63, "0" * 65])
def test_a_token_that_is_none_is_replaced(places, text):
    token_at(places.token)
    private.write(places.token, text)
    token = token_at(places.token)
    assert token != text
    assert len(token) == 64


@posix
def test_a_private_file_is_private_from_its_first_moment(tmp_path, monkeypatch):
    modes = []
    replaced = os.replace

    def watch(source, target):
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        replaced(source, target)

    monkeypatch.setattr(os, "replace", watch)
    before = os.umask(0)
    try:
        private.write(tmp_path / "x", "secret")
    finally:
        os.umask(before)
    assert modes == [0o600]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    private.write(tmp_path / "x", "old")

    def fail(source, target):
        raise OSError("no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        private.write(tmp_path / "x", "new")
    assert private.read(tmp_path / "x") == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_where_others_may_read_everything_nothing_is_kept_secret_there(places, found, monkeypatch):
    monkeypatch.setattr(private, "_others_may", lambda _: True)
    for tell in (lambda: discovery.write(places, found), lambda: token_at(places.token)):
        with pytest.raises(CannotServe, match=r"Others may read the files in .* SCUMBLE_HOME.* SCUMBLE_MODELS"):
            tell()
    assert [path for path in places.runtime.parent.rglob("*") if path.is_file()] == []


def test_what_stands_there_is_told_once_more_where_it_is_not_true_any_more(places, found):
    discovery.write(places, replace(found, started=found.started - 3600))
    assert discovery.tell_again(places, found) == discovery.this_process("127.0.0.1", found.port, found.token, "1.2.3")
    assert discovery.read(places) == found
    shutil.rmtree(places.runtime)
    discovery.tell_again(places, replace(found, started=found.started - 3600))
    assert discovery.read(places) == found


def test_what_another_living_server_has_told_is_not_told_over(places, found):
    parent = psutil.Process(os.getppid())
    other = replace(found, process=parent.pid, started=parent.create_time())
    discovery.write(places, other)
    discovery.tell_again(places, found)
    assert discovery.read(places) == other
