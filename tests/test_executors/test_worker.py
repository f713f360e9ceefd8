"""The worker process itself: its surroundings, its streams, and its end when the server is gone."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from backend.executors.exchange import CancelPlan, Ready, RunPlan, decode_said, encode_order
from backend.executors.frames import Frame, read_frame, write_frame
from backend.executors.launch import worker_command, worker_environment
from backend.executors.worker import _Worker
from backend.plan import Finished, Stopped

HERE = Path(__file__).parent
TWO_SECONDS = 2.0
"""What the painter is promised: no worker is left longer than this when its server was lost."""


@asynccontextmanager
async def lone_server(folder: Path, prompt: str):
    """A server process with a worker that paints, and the worker's process id."""
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "lone_server.py"),
        str(folder),
        prompt,
        stdout=subprocess.PIPE,
        env={**worker_environment(), "OMP_NUM_THREADS": "1"},
    )
    try:
        # long enough to import torch on a machine that does other things as well
        line = await asyncio.wait_for(server.stdout.readline(), 180)
        yield server, int(line)
    finally:
        if server.returncode is None:
            server.kill()
        await server.wait()


@pytest.mark.parametrize(
    "prompt",
    [
        "real",
        "deaf",
        # the two safeties one by one: without the kernel's signal, and without a thread that can read the input's end
        pytest.param(
            "deaf untied", marks=pytest.mark.skipif(sys.platform != "linux", reason="there is one safety only")
        ),
        pytest.param("hogging", marks=pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's signal")),
    ],
)
async def test_worker_is_gone_when_its_server_is_killed_in_mid_step(tmp_path, prompt, eventually, is_gone):
    async with lone_server(tmp_path, prompt) as (server, worker):
        assert not is_gone(worker)
        server.kill()
        assert await eventually(lambda: is_gone(worker)) < TWO_SECONDS


async def test_server_that_leaves_without_closing_leaves_no_worker(tmp_path, eventually, is_gone):
    async with lone_server(tmp_path, "two_ends") as (server, worker):
        assert await asyncio.wait_for(server.wait(), 30) == 0
        assert await eventually(lambda: is_gone(worker)) < TWO_SECONDS


async def test_ctrl_c_in_the_terminal_leaves_the_worker_to_its_server(executor, make_plan, collect):
    pid = (await collect(executor, make_plan("two_ends")))[0].step
    os.kill(pid, signal.SIGINT)
    assert (await collect(executor, make_plan("two_ends")))[0].step == pid


async def test_what_anybody_prints_goes_to_the_log(executor, make_plan, collect):
    assert (await collect(executor, make_plan("printing")))[1:] == [Finished()]
    log = executor._log.read_text()
    for line in ("a stray print", "a stray write", "a stray puts", "a stray child", "input is ''"):
        assert line in log


async def test_surroundings(executor, make_plan, collect, tmp_path, monkeypatch):
    """Whatever lies where the server was started is neither imported nor in the way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the working folder')")
    end = (await collect(executor, make_plan("report")))[-1]
    folder, path, models, offline, torch = end.notes
    assert Path(folder) == tmp_path / "logs"
    assert str(tmp_path) not in path.split(os.pathsep)
    assert "" not in path.split(os.pathsep)
    assert Path(models) == tmp_path / "models"
    assert offline == "1"
    assert torch == "False"


@pytest.mark.skipif(sys.platform != "linux", reason="the score is Linux's")
async def test_when_memory_runs_out_the_worker_is_the_first_to_go(executor, make_plan, collect):
    pid = (await collect(executor, make_plan("two_ends")))[0].step
    own = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(Path(f"/proc/{pid}/oom_score_adj").read_text()) > own


async def test_no_zombie_and_no_file_is_left(executor, make_plan, collect, monkeypatch):
    # others of the suite may have processes of their own
    children, before = set(psutil.Process().children()), psutil.Process().num_fds()
    for _ in range(3):
        pid = (await collect(executor, make_plan("leaving 1")))[0].step
        assert not psutil.pid_exists(pid)
    await executor.close()
    assert set(psutil.Process().children()) <= children
    assert psutil.Process().num_fds() == before


def test_the_command_names_the_worker_and_not_the_working_folder(tmp_path):
    command = worker_command(tmp_path / "m")
    assert command[:2] == [sys.executable, "-P"]
    assert command[-3:] == ["-m", "backend.executors.worker", str(tmp_path / "m")]


def test_the_executors_import_no_torch():
    code = "import sys, backend.executors; sys.exit(str(set(sys.modules) & {'torch', 'numpy', 'diffusers', 'backend.engine'}))"
    said = subprocess.run([sys.executable, "-c", code], env=worker_environment(), capture_output=True, text=True)
    assert said.stderr.strip() == "set()"


# --- bytes in, bytes out: no executor between -----------------------------------------------------------------------


@pytest.fixture
def bare_worker(tmp_path):
    command = [sys.executable, "-P", str(HERE / "plain_worker.py"), str(tmp_path / "models")]
    log = (tmp_path / "bare.log").open("w+b")
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=worker_environment()
    )
    with log, worker:
        assert isinstance(decode_said(read_frame(worker.stdout)), Ready)
        yield worker
        worker.kill()


def said_by(worker):
    return decode_said(read_frame(worker.stdout))


def test_a_cancel_that_follows_its_plan_at_once_counts(bare_worker, make_plan):
    write_frame(bare_worker.stdin, encode_order(RunPlan(make_plan("until_cancelled"), {})))
    write_frame(bare_worker.stdin, encode_order(CancelPlan("a" * 32)))
    while not isinstance(end := said_by(bare_worker), Stopped):
        assert not isinstance(end, Finished)


def test_a_cancel_before_its_plan_is_no_cancel_of_it(bare_worker, make_plan):
    write_frame(bare_worker.stdin, encode_order(CancelPlan("a" * 32)))
    write_frame(bare_worker.stdin, encode_order(RunPlan(make_plan("two_ends"), {})))
    said_by(bare_worker)
    assert said_by(bare_worker) == Finished(("the first",))


def test_a_cancel_is_for_the_plan_of_its_job_that_came_last(make_plan):
    orders = io.BytesIO()
    for order in (
        RunPlan(make_plan("x", job="a" * 32), {}),
        CancelPlan("b" * 32),
        RunPlan(make_plan("x", job="b" * 32), {}),
        RunPlan(make_plan("x", job="b" * 32), {}),
        CancelPlan("b" * 32),
    ):
        write_frame(orders, encode_order(order))
    orders.seek(0)
    worker = _Worker(io.BytesIO())
    worker._take_orders(orders)
    assert [worker._turns.get_nowait().cancelled.is_set() for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("frame", [Frame({"type": "sing"}), Frame({"type": "run", "body": {}}), Frame({})])
def test_an_order_that_is_not_understood_ends_it(bare_worker, frame):
    write_frame(bare_worker.stdin, frame)
    assert bare_worker.wait(10) == 2


def test_bytes_that_are_no_frame_end_it(bare_worker):
    bare_worker.stdin.write(b"GET / HTTP/1.1\r\n\r\n")
    bare_worker.stdin.flush()
    assert bare_worker.wait(10) == 2


def test_an_order_that_is_cut_off_ends_it_quietly(bare_worker):
    bare_worker.stdin.write(b"SCF1\x00\x00")
    bare_worker.stdin.close()
    assert bare_worker.wait(10) == 0


def test_it_ends_when_nobody_reads_what_it_says(bare_worker, make_plan):
    bare_worker.stdout.close()
    write_frame(bare_worker.stdin, encode_order(RunPlan(make_plan("stripes 10"), {})))
    assert bare_worker.wait(10) == 0
