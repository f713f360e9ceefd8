"""Ctrl+C at any moment ends the command, and the job with it."""

from __future__ import annotations

INTERRUPTED = 130


def test_in_mid_job_it_is_cancelled_and_nothing_is_written_or_kept(shared, tmp_path):
    kept = shared.status().spooled
    command = shared.begin_long_job(tmp_path / "out.png")
    command.interrupt()
    command.wait(INTERRUPTED, seconds=60)
    assert "Cancelling" in command.stderr
    assert "The job was cancelled.\nNothing was written." in command.stderr
    assert command.stdout == ""
    assert not list(tmp_path.glob("*.png"))
    assert shared.wait_for_jobs(running=0, queued=0).spooled == kept


def test_while_it_waits_in_line_it_goes_and_the_other_is_painted(shared, tmp_path):
    first = shared.begin_long_job(tmp_path / "first.png")
    second = shared.fill("badge", tmp_path / "second.png", "--steps", "3")
    shared.wait_for_jobs(running=1, queued=1)
    second.interrupt()
    second.wait(INTERRUPTED, seconds=60)
    shared.wait_for_jobs(running=1, queued=0)
    assert first.process.poll() is None
    first.interrupt()
    first.wait(INTERRUPTED, seconds=60)
    assert not list(tmp_path.glob("*.png"))


def test_before_there_is_a_job_it_just_ends(home, tmp_path, wait_until):
    command = home.fill("badge", tmp_path / "out.png")
    wait_until(lambda: "Starting the backend" in command.stderr, "a backend is started")
    command.interrupt()
    command.wait(INTERRUPTED, seconds=60)
    assert not list(tmp_path.glob("*.png"))


def test_once_more_it_leaves_a_backend_that_hangs(shared, tmp_path, wait_until):
    command = shared.begin_long_job(tmp_path / "out.png")
    server = shared.server()
    server.suspend()
    try:
        command.interrupt()
        wait_until(lambda: "Cancelling" in command.stderr, "the wish is heard")
        assert command.process.poll() is None
        command.interrupt()
        command.wait(INTERRUPTED, seconds=60)
    finally:
        server.resume()
    # the wish was on its way
    shared.wait_for_jobs(running=0, queued=0)
    assert not list(tmp_path.glob("*.png"))
