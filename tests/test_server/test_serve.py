"""The server as it starts and ends; as a process of its own where that matters."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backend.models import Library
from backend.places import HOME_VARIABLE
from backend.server import AlreadyRunning, CannotServe, Server, discovery, instance, private, serve
from backend.server import server as server_module
from backend.server.log import logging_to
from protocol import (
    Done,
    Failed,
    GetStatus,
    ListLoras,
    ListModels,
    ListStyles,
    Loras,
    Models,
    Status,
    Styles,
)

ROOT = Path(__file__).parents[2]

PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("hand", sys.argv[1])
hand = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hand)
from backend.models import Library
from backend.places import Places
from backend.server import serve
places = Places.of_user()
idle = float(sys.argv[2]) if len(sys.argv) > 2 else None
sys.exit(serve(places, executor=hand.HandExecutor(), library=Library(places.models), idle_seconds=idle))
"""


@pytest.fixture
def spawn(tmp_path):
    started = []

    def spawn(*arguments: str):
        hand = str(Path(__file__).parents[1] / "test_jobs" / "hand.py")
        environment = {**os.environ, HOME_VARIABLE: str(tmp_path), "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, hand, *arguments],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield spawn
    for process in started:
        process.kill()
        process.communicate()


def ended(process) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=20)
    return process.returncode, out, err


async def listens(places, tools):
    return await tools.until(lambda: discovery.read(places), 20)


async def test_a_process_says_where_it_listens_and_ends_on_a_signal(spawn, places, tools):
    process = spawn()
    found = await listens(places, tools)
    assert found.process == process.pid
    async with tools.socket_to(found) as connected:
        peer = tools.Peer(connected)
        job = tools.new_job()
        await peer.submit(job)
        while not peer.of(Status) or not peer.of(Status)[-1].running:
            await peer.say(GetStatus())
            await peer.hear()
        process.send_signal(signal.SIGTERM)
        assert (await peer.wait_for(Failed, job.id)).failure.code == "server_stopping"
    code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert str(found.port) in out
    assert str(places.log) in out
    assert not places.discovery.exists()


async def test_a_killed_server_leaves_nothing_that_misleads(spawn, places, tools):
    first = spawn()
    found = await listens(places, tools)
    first.kill()
    first.wait()
    assert places.discovery.exists()
    assert discovery.read(places) is None
    spawn()
    again = await listens(places, tools)
    assert again.process != found.process
    assert again.token == found.token, "the token is the installation's"


async def test_of_two_at_once_one_serves_and_the_other_says_so(spawn, places, tools):
    both = [spawn(), spawn()]
    found = await listens(places, tools)
    other = next(process for process in both if process.pid != found.process)
    code, out, err = await asyncio.to_thread(ended, other)
    assert (code, err) == (0, "")
    assert "runs already" in out
    assert str(found.process) in out
    assert discovery.read(places) == found


async def test_it_ends_when_there_is_nothing_to_do(spawn, places, tools):
    process = spawn("0.3")
    code, _, err = await asyncio.to_thread(ended, process)
    assert (code, err) == (0, "")
    assert not places.discovery.exists()


async def test_clients_and_jobs_keep_it_from_being_idle(make_server, hand, reach, tools):
    server = make_server(idle_seconds=0.15)
    await server.start()
    try:
        ana = await reach(server)
        await ana.submit(tools.new_job())
        await tools.until(lambda: hand.plan)
        await asyncio.sleep(0.3)
        await ana.socket.close()
        await asyncio.sleep(0.3)
        assert not server._stopping.is_set()
        hand.finish()
        async with asyncio.timeout(10):
            await server.wait()
    finally:
        await server.stop()


async def test_a_second_server_in_the_same_place_is_told_of_the_first(server, make_server):
    with pytest.raises(AlreadyRunning) as refused:
        await make_server().start()
    assert refused.value.found == server.found
    assert discovery.read(server._places) == server.found


async def test_the_place_is_free_again_once_it_has_stopped(make_server, tools):
    for _ in range(2):
        server = make_server(tools.hand.HandExecutor())
        await server.start()
        await server.stop()


async def test_a_lock_whose_holder_does_not_answer_is_a_clear_word(places, make_server, monkeypatch):
    monkeypatch.setattr(instance, "WAIT_SECONDS", 0.05)
    lock = await instance.become_the_one(places)
    with pytest.raises(CannotServe) as refused:
        await make_server().start()
    assert refused.value.failure.code == "lock_held"
    lock.release()


async def test_one_whose_session_was_cleared_away_is_found_again_and_none_comes_beside_it(
    make_server, places, tools, monkeypatch
):
    """As at a logout that a server outlives: with the folder goes the lock in it."""
    monkeypatch.setattr(server_module, "TELL_SECONDS", 0.2)
    server = make_server()
    await server.start()
    try:
        shutil.rmtree(places.runtime)
        with pytest.raises(AlreadyRunning) as refused:
            await make_server(tools.hand.HandExecutor()).start()
        assert refused.value.found == server.found
    finally:
        await server.stop()


async def test_one_from_outside_of_the_session_keeps_its_results_to_itself(places, tools, make_server, monkeypatch):
    """It says where it is in another place, where nobody looks who is in the session."""
    monkeypatch.setattr(instance, "WAIT_SECONDS", 0.05)
    other = replace(places, runtime=places.data / "run")
    server = Server(other, tools.hand.HandExecutor(), Library(places.models))
    await server.start()
    try:
        for _ in range(2):
            with pytest.raises(CannotServe) as refused:
                await make_server().start()
            assert refused.value.failure.code == "lock_held"
            assert str(places.spool_lock) in refused.value.failure.remedy
    finally:
        await server.stop()
    # nothing of the two that were refused holds it up
    server = make_server(tools.hand.HandExecutor())
    await server.start()
    await server.stop()


@pytest.mark.parametrize("problem", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock")])
async def test_a_disk_without_locks_for_the_results_keeps_no_server_from_starting(
    make_server, places, monkeypatch, caplog, problem
):
    acquire = instance.FileLock.acquire

    def refuse(self, *arguments, **how):
        if self.lock_file == str(places.spool_lock):
            raise problem
        return acquire(self, *arguments, **how)

    monkeypatch.setattr(instance.FileLock, "acquire", refuse)
    server = make_server()
    await server.start()
    await server.stop()
    assert "without a lock" in caplog.text


async def test_results_that_no_folder_can_be_made_for_do_not_either(make_server, places, caplog):
    places.spool.parent.mkdir(parents=True, exist_ok=True)
    places.spool.write_text("in the way")
    server = make_server()
    await server.start()
    await server.stop()
    assert "without a lock" in caplog.text


async def test_a_port_in_use_is_a_clear_word(make_server, places, tools):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotServe) as refused:
        await make_server(port=taken.getsockname()[1]).start()
    assert refused.value.failure.code == "no_port"
    server = make_server(tools.hand.HandExecutor())
    await server.start()
    await server.stop()


def test_a_disk_that_keeps_no_permissions_is_a_clear_word(places, hand, monkeypatch, capsys):
    """As exFAT, where whoever looks for the server would never believe what it has told."""
    monkeypatch.setattr(private, "_others_may", lambda _: True)
    # a server that were served all the same would end by itself
    assert serve(places, executor=hand, library=Library(places.models), idle_seconds=1.0) == 1
    said = capsys.readouterr().err
    assert "Others may read the files in" in said
    assert "Name a place on another disk in SCUMBLE_HOME" in said


async def test_it_tells_again_where_it_is_after_the_clock_was_set_or_the_folder_swept(
    make_server, places, monkeypatch, tools
):
    monkeypatch.setattr(server_module, "TELL_SECONDS", 0.01)
    server = make_server()
    await server.start()
    try:
        told = server.found
        private.write(places.discovery, places.discovery.read_text().replace(str(told.started), "1.5"))
        assert discovery.read(places) is None
        await tools.until(lambda: discovery.read(places) == server.found)
        places.discovery.unlink()
        await tools.until(lambda: discovery.read(places) == server.found)
        assert server.found.port == told.port
    finally:
        await server.stop()
    assert not places.discovery.exists()


async def test_a_folder_that_is_gone_for_good_is_logged_once_and_no_fault(
    make_server, places, monkeypatch, tools, caplog
):
    tried = []

    def refuse(*_):
        tried.append(True)
        raise CannotServe("no_folder", "It is gone.", "Log in again.")

    monkeypatch.setattr(server_module, "TELL_SECONDS", 0.001)
    monkeypatch.setattr(discovery, "tell_again", refuse)
    server = make_server()
    await server.start()
    await tools.until(lambda: len(tried) > 3)
    await server.stop()
    assert caplog.text.count("It is gone.") == 1


async def test_the_disk_does_not_hold_up_accepting(places, hand, reach, tools):
    """A library on a slow disk: connections are taken and answered, only the list waits."""
    import threading

    from backend.models import Library
    from backend.server import Server
    from protocol import ListModels, Models

    may_look = threading.Event()

    class SlowLibrary(Library):
        def scan(self) -> None:
            may_look.wait(10)
            super().scan()

    server = Server(places, hand, SlowLibrary(places.models))
    await server.start()
    try:
        ana = await reach(server)
        await ana.say(ListModels(), GetStatus())
        await ana.wait_for(Status)
        assert not ana.of(Models)
        may_look.set()
        assert await ana.wait_for(Models)
    finally:
        may_look.set()
        await server.stop()


async def test_neither_prompt_nor_token_is_ever_logged(places, make_server, hand, reach, tools):
    import logging

    with logging_to(places.log, logging.DEBUG):
        server = make_server()
        await server.start()
        ana = await reach(server)
        job = tools.new_job(prompt="Elisabeth's tattoo", negative="Moritz")
        await ana.submit(job)
        await tools.until(lambda: hand.plan)
        hand.break_off()
        await ana.wait_for(Failed)
        await ana.socket.send(json.dumps({"type": "submit", "job": {"prompt": ["Elisabeth"], "id": "Elisabeth"}}))
        await ana.socket.send('{"type": "hello", "installation": "Elisabeth", "prompt": "Elisabeth"')
        await tools.until(lambda: server.status().clients == 0)
        other = await reach(server)
        await other.submit(tools.new_job(id=job.id, prompt="Elisabeth"))
        await server.stop()
    text = places.log.read_text()
    assert job.id in text
    assert "the pipe broke" in text
    for secret in ("Elisabeth", "Moritz", server.found.token):
        assert secret not in text
    if sys.platform != "win32":
        assert places.log.stat().st_mode & 0o077 == 0


def test_the_log_is_bounded(places, monkeypatch):
    import logging

    monkeypatch.setattr("backend.server.log.LOG_BYTES", 1000)
    with logging_to(places.log):
        for number in range(200):
            logging.getLogger("backend.test").info("line %d", number)
    sizes = [path.stat().st_size for path in places.logs.iterdir()]
    assert len(sizes) == 3
    assert max(sizes) <= 1000


def test_starting_is_light():
    """What is imported to serve: no torch, no numpy, nothing that takes a second."""
    program = "import backend.server, sys; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in out.split()}
    assert not loaded & {"torch", "numpy", "diffusers", "transformers", "PIL", "safetensors", "pyvips", "rich"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
async def test_a_home_whose_name_is_no_text_keeps_no_answer_back(tmp_path, hand, tools, reach):
    places = tools.places_under(tmp_path / os.fsdecode(b"h\xe8me"))
    server = Server(places, hand, Library(places.models))
    await server.start()
    try:
        ana = await reach(server)
        await ana.say(GetStatus(), ListModels(), ListStyles(), ListLoras())
        assert (await ana.wait_for(Status)).log == str(tmp_path / "h?me/logs/server.log")
        await ana.wait_for(Models)
        assert (await ana.wait_for(Styles)).folder == str(tmp_path / "h?me/styles")
        assert (await ana.wait_for(Loras)).folder == str(tmp_path / "h?me/models/loras")
        hand.by_itself = True
        job, content = tools.job_with_image()
        await ana.submit(job, content)
        await ana.wait_for(Done, job.id)
    finally:
        await server.stop()


def test_what_keeps_it_from_starting_can_be_told_whatever_the_files_are_called(tmp_path):
    (tmp_path / "in the way").write_text("")
    with pytest.raises(CannotServe, match=r"in the way/h\?me cannot be made") as problem:
        private.own_folder(tmp_path / "in the way" / "h\udce8me")
    assert problem.value.failure.code == "no_folder"
