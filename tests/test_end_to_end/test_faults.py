"""What happens to jobs, clients and processes when something is killed, full, stuck or gone."""

from __future__ import annotations

import re
import signal

import numpy as np
import psutil

WORKER_GONE = 2.0
"""Seconds after the death of its server within which a worker must be gone."""


WORKER_STARTS = 0.5
"""Seconds in which no worker has painted yet, since it imports torch first: what a client still writes came of the one before."""


def others_than(home, worker) -> list[psutil.Process]:
    return [child for child in home.server().children() if child.pid != worker.pid]


def alive(process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def painted(log: str) -> int:
    return len(re.findall(r"job [0-9a-f]{32}: 1 pictures", log))


def leave_a_result(home, out) -> int:
    """Kill a client in mid-job; return how many results the backend keeps when the job has ended all the same."""
    command = home.fill("badge", out, "-p", "a pine tree")
    kept = home.wait_for_jobs(running=1, queued=0).spooled
    server = home.server()
    command.process.kill()
    command.wait(-signal.SIGKILL)
    assert home.wait_for_jobs(running=0, queued=0).spooled == kept + 1
    assert alive(server)
    return kept + 1


def test_a_job_whose_worker_is_killed_is_painted_by_a_new_one(harmed, tmp_path, wait_until):
    looks = tmp_path / "looks"
    words = ("-p", "a red apple", "--seed", 7, "--steps", 40)
    command = harmed.fill("room", tmp_path / "out.png", *words, "--preview-dir", looks)
    wait_until(lambda: list(looks.glob("*.png")), "it paints")
    assert harmed.server().cwd() == "/"
    worker, before = harmed.worker(), painted(harmed.log())
    worker.kill()
    command.wait()
    assert harmed.worker().pid != worker.pid
    assert painted(harmed.log()) == before + 1
    assert "painted anew" in command.stdout + command.stderr
    harmed.fill("room", tmp_path / "undisturbed.png", *words).wait()
    assert (tmp_path / "out.png").read_bytes() == (tmp_path / "undisturbed.png").read_bytes()


def test_a_job_that_loses_two_workers_fails_and_the_next_one_is_painted(harmed, tmp_path, wait_until):
    first = harmed.begin_long_job(tmp_path / "first.png")
    second = harmed.fill("badge", tmp_path / "second.png", "--steps", "3")
    harmed.wait_for_jobs(running=1, queued=1)
    looks, killed = tmp_path / "first.looks", [harmed.worker()]
    killed[0].kill()
    wait_until(lambda: not alive(killed[0]), "it is gone")
    wait_until(lambda: others_than(harmed, killed[0]), "another one has begun")
    killed += others_than(harmed, killed[0])
    begun = killed[1].create_time() + WORKER_STARTS
    wait_until(lambda: any(look.stat().st_mtime > begun for look in looks.glob("*.png")), "it paints, too")
    killed[1].kill()
    first.wait(1, seconds=60)
    assert "worker" in first.stderr
    assert "killed" in first.stderr
    second.wait()
    assert [path.name for path in tmp_path.glob("*.png")] == ["second.png"]
    assert harmed.worker().pid not in [worker.pid for worker in killed]


def test_a_killed_server_takes_its_worker_along_and_the_job_is_painted_by_the_next(harmed, tmp_path, wait_until):
    """The command finds its job unknown to a new server, submits it under the same id, and gets one result.

    What the old server had kept for others, the new one has as well.
    """
    leave_a_result(harmed, tmp_path / "left.png")
    looks = tmp_path / "looks"
    words = ("-p", "a red apple", "--seed", 7, "--steps", 40)
    command = harmed.fill("room", tmp_path / "out.png", *words, "--preview-dir", looks)
    kept = harmed.wait_for_jobs(running=1, queued=0).spooled
    server, worker, before = harmed.server(), harmed.worker(), painted(harmed.log())
    wait_until(lambda: list(looks.glob("*.png")), "it paints")
    server.kill()
    wait_until(lambda: not alive(worker), "the worker is gone", WORKER_GONE)
    command.wait()
    assert "connection to the backend is lost" in command.stderr
    assert command.stdout == f"{tmp_path / 'out.png'}  seed 7\n"
    assert harmed.server().pid != server.pid
    assert painted(harmed.log()) == before + 1
    assert harmed.wait_for_jobs(running=0, queued=0).spooled == kept > 0
    harmed.fill("room", tmp_path / "undisturbed.png", *words).wait()
    assert (tmp_path / "out.png").read_bytes() == (tmp_path / "undisturbed.png").read_bytes()


def test_a_killed_client_leaves_its_result_to_be_kept(harmed, tmp_path):
    kept = leave_a_result(harmed, tmp_path / "out.png")
    assert f"Kept results  {kept} not fetched yet" in harmed.run("status").stdout
    assert len(list(harmed.places.spool.glob("*.end"))) == kept


def test_with_a_full_disk_the_result_is_delivered_all_the_same(home, tmp_path, pictures, examples, wait_until):
    """No file of the server may grow beyond 64 KiB, the result is larger: writing it to the spool fails as on a full disk."""
    serve = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536)); "
        "from backend.cli import main; sys.exit(main(['serve']))"
    )
    server = home.start_python("-c", serve)
    wait_until(lambda: "Listening" in server.stdout, "the backend listens")
    command = home.fill("room", tmp_path / "out.png", "--steps", "3").wait()
    assert "could not be written to the disk" in command.stderr
    assert "Make room on the disk" in command.stderr
    before, after = pictures.read(examples / "room.png"), pictures.read(tmp_path / "out.png")
    mask = pictures.read(examples / "room-mask.png")[..., 0]
    assert np.array_equal(before[mask == 0], after[mask == 0])
    assert not np.array_equal(before, after)
    assert list(home.places.spool.iterdir()) == [home.places.spool_lock]
    assert home.wait_for_jobs(running=0, queued=0).spooled == 0
    home.fill("room", tmp_path / "next.png", "--steps", "1").wait()
    assert server.process.poll() is None
