"""`scumble serve`, `stop`, `status`, `models` and `doctor`."""

from __future__ import annotations

import json
import re
import stat
import time

import pytest

from backend.cli import ask as ask_module
from backend.cli import main


def serve(home, wait_until, *words):
    command = home.start("serve", *words)
    wait_until(lambda: "Listening on 127.0.0.1" in command.stdout, "the backend listens")
    return command


def test_a_backend_is_found_asked_and_stopped(home, wait_until):
    assert "No backend is running" in home.run("status", code=1).stdout
    assert home.run("stop").stdout == "No backend is running.\n"
    command = serve(home, wait_until)
    server = home.server()
    assert server.pid == command.process.pid
    status = home.run("status").stdout
    assert re.search(rf"^Backend +Scumble [\d.]+, process {server.pid}, up for \d+ s$", status, re.MULTILINE)
    assert re.search(r"^Worker +(starting|ready, on .+)$", status, re.MULTILINE)
    assert re.search(r"^Jobs +0 running, 0 waiting$", status, re.MULTILINE)
    assert re.search(r"^Programs +0 connected", status, re.MULTILINE)
    assert re.search(r"^Kept results +0 ", status, re.MULTILINE)
    assert f"Log           {home.places.log}\n" in status
    assert home.worker() in home.processes()
    assert home.run("stop").stdout == "Stopped.\n"
    assert not home.places.discovery.exists()
    assert home.processes() == []


def test_where_it_is_and_its_secret_are_for_this_user_only(shared):
    for path in (shared.places.discovery, shared.places.token, shared.places.log, shared.places.worker_log):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (shared.places.runtime, shared.places.data, shared.places.logs):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    found = json.loads(shared.places.discovery.read_text())
    assert found["token"] == shared.places.token.read_text().strip()
    assert found["process"] == shared.status().process
    assert found["host"] == "127.0.0.1"
    assert set(found) >= {"port", "version"}
    token = found["token"]
    assert token not in shared.log()
    assert token not in " ".join(shared.server().cmdline())


def test_the_logs_hold_no_prompt(shared, tmp_path):
    shared.fill("badge", tmp_path / "out.png", "-p", "a heffalump", "-n", "a woozle", "--steps", "1").wait()
    logs = shared.log() + shared.places.worker_log.read_text()
    assert "pictures in" in logs
    assert "heffalump" not in logs
    assert "woozle" not in logs


def test_a_second_one_says_that_one_runs(shared):
    command = shared.run("serve")
    assert re.fullmatch(
        r"A backend runs already, as process \d+\. It listens on 127\.0\.0\.1, port \d+\.\n", command.stdout
    )
    assert str(shared.status().process) in command.stdout


def test_of_two_in_the_same_moment_one_serves(home, wait_until):
    both = [home.start("serve"), home.start("serve")]
    loser = wait_until(lambda: next((one for one in both if one.process.poll() is not None), None), "one gives way")
    (winner,) = (one for one in both if one is not loser)
    assert "A backend runs already" in loser.wait(0).stdout
    assert "Listening on" in winner.stdout
    assert home.status().process == winner.process.pid
    winner.process.terminate()
    winner.wait(0, seconds=60)


def test_it_ends_by_itself_when_idle(home, wait_until):
    begun = time.monotonic()
    serve(home, wait_until, "--idle", "1").wait(0, seconds=60)
    assert time.monotonic() - begun >= 1
    assert home.processes() == []
    assert not home.places.discovery.exists()


def test_a_chosen_port_that_is_taken_is_said(home, shared):
    port = json.loads(shared.places.discovery.read_text())["port"]
    command = home.run("serve", "--port", port, code=1)
    assert f"cannot listen on 127.0.0.1, port {port}" in command.stderr
    assert "Choose another port" in command.stderr


def test_a_home_that_cannot_be_is_said(home, tmp_path):
    """A file stands where the folders should be; rights would not do, for the tests may run as root."""
    home.home.write_text("in the way")
    served = home.run("serve", code=1)
    assert f"The folder {home.home}/logs cannot be made" in served.stderr
    assert "SCUMBLE_HOME" in served.stderr
    filled = home.fill("badge", tmp_path / "out.png").wait(1)
    assert "The backend did not start" in filled.stderr
    assert f"The folder {home.home}/logs cannot be made" in filled.stderr


def test_one_that_hangs_is_stopped_by_force(home, wait_until, monkeypatch, capsys):
    command = serve(home, wait_until)
    home.server().suspend()
    monkeypatch.setattr(ask_module, "ANSWER_SECONDS", 0.5)
    monkeypatch.setenv("SCUMBLE_HOME", str(home.home))
    assert main(["stop"]) == 1
    said = capsys.readouterr().err
    assert "does not answer" in said
    assert "stop --force" in said
    assert command.process.poll() is None
    assert main(["stop", "--force"]) == 0
    assert capsys.readouterr().out == "Stopped.\n"
    command.wait(-9)


def test_one_with_work_is_stopped_by_force_only(home, tmp_path, wait_until, monkeypatch):
    """Two commands in the same moment have started it, each as if it were alone."""
    commands = [home.fill("badge", tmp_path / f"{number}.png") for number in range(2)]
    home.wait_for_jobs(running=1, queued=1)
    wait_until(lambda: len(home.processes("serve")) == 1, "one gives way")
    refused = home.run("stop", code=1)
    assert "2 jobs to do" in refused.stderr
    assert "force" in refused.stderr
    server = home.server().pid
    monkeypatch.setenv("SCUMBLE_HOME", str(home.home))
    # in this process, so that no time passes between its return and the look
    assert main(["stop", "--force"]) == 0
    assert server not in [process.pid for process in home.processes()]
    for command in commands:
        command.wait(1, seconds=60)
        assert "The backend was stopped before this picture was finished." in command.stderr


def test_models_are_listed_as_in_the_library(shared):
    listed = shared.run("models").stdout
    assert re.search(r"^starter +Starter.* sd1 +\d+ px", listed, re.MULTILINE)
    assert str(shared.places.models) in listed


def test_a_model_that_cannot_be_used_is_listed_with_the_reason(shared):
    folder = shared.places.models / "broken"
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text("{")
    try:
        listed = shared.run("models").stdout
    finally:
        (folder / "model_index.json").unlink()
        folder.rmdir()
    assert "broken cannot be used: " in listed


def test_styles_are_listed_and_a_broken_one_with_its_reason(shared):
    folder = shared.places.styles
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"icons.toml": 'name = "Icons [flat]"\nmodel = "starter"\nsteps = 7', "mistyped.toml": "stepz = 3"}
    try:
        for name, text in texts.items():
            (folder / name).write_text(text)
        listed = shared.run("styles").stdout
    finally:
        for name in texts:
            (folder / name).unlink(missing_ok=True)
    assert re.search(r"^Starter.* +starter", listed, re.MULTILINE)
    assert re.search(r"^Icons \[flat\] +starter +7", listed, re.MULTILINE)
    assert "The style mistyped.toml has the unknown key 'stepz'." in listed
    assert str(folder) in listed


@pytest.fixture
def nowhere(shared, tmp_path, monkeypatch):
    """No program is on the path, so that no Krita of this machine is found."""
    monkeypatch.setitem(shared.environment, "PATH", str(tmp_path))
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setitem(shared.environment, variable, str(tmp_path))
    return tmp_path


def test_doctor_finds_what_is_there_and_calls_a_missing_krita_no_fault(shared, nowhere):
    found = shared.run("doctor").stdout
    assert re.search(r"^\[ok\] Scumble +\d", found, re.MULTILINE)
    assert re.search(r"^\[--\] Krita +not found\n +The command line works without it", found, re.MULTILINE)
    assert f"[--] Plugin   not in {nowhere / 'krita'}\n" in found
    assert "run 'scumble install-plugin'" in found
    assert re.search(r"^\[(ok|--)\] Device +.+ \((cpu|cuda|rocm|xpu|mps), [\d.]+ GiB\)$", found, re.MULTILINE)
    assert re.search(r"^\[(ok|--)\] Memory +[\d.]+ GiB free of", found, re.MULTILINE)
    assert re.search(r"^\[ok\] Models +Starter", found, re.MULTILINE)
    for folder in (shared.places.models, shared.places.styles, shared.places.spool, shared.places.logs):
        assert f" in {folder}\n" in found
    assert re.search(r"^\[ok\] Server +Scumble .* at 127\.0\.0\.1:\d+, worker ", found, re.MULTILINE)


def test_doctor_says_what_keeps_from_painting(home, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise ImportError('no libtorch here')")
    monkeypatch.setitem(home.environment, "PYTHONPATH", str(broken))
    found = home.run("doctor", code=1).stdout
    assert re.search(
        r"^\[!!\] Device +torch does not load: ImportError: no libtorch here\n +Install", found, re.MULTILINE
    )
    assert "Server   not running; it starts when needed." in found
