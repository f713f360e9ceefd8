"""A backend that Krita started goes when Krita is gone, however it went, and not while somebody else uses it."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from backend.places import Places
from backend.plugin import write_record
from backend.server import discovery

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")

IDLE = 1
"""Seconds, the least that the backend takes; as the product starts it, it is a minute."""

PATIENCE = 60

KRITA = f"""
import sys
from krita_plugin.link import launch
launch.IDLE_SECONDS = {IDLE}
from krita_plugin.link.link import Link
from krita_plugin.link.standing import LinkState
from krita_plugin.qt import QtCore
application = QtCore.QCoreApplication(sys.argv)
link = Link(sys.argv[1], "test")
def changed(state):
    if state is LinkState.ABSENT:
        assert link.trouble is None, link.trouble
        link.start_backend()
    elif state is LinkState.READY:
        print("ready", flush=True)
link.state_changed.connect(changed)
link.open()
application.exec()
"""


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Starts a process that stands for Krita and returns it once its link is ready."""
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    write_record(Places.of_user())
    started = []

    def run(name):
        process = subprocess.Popen([sys.executable, "-c", KRITA, name], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
    if (found := discovery.read(Places.of_user())) is not None:
        psutil.Process(found.process).kill()


def is_there():
    return discovery.read(Places.of_user()) is not None


def wait_until_gone():
    deadline = time.monotonic() + PATIENCE
    while is_there():
        assert time.monotonic() < deadline, "the backend is still there"
        time.sleep(0.05)


def test_it_goes_after_the_last_krita_however_that_went(start):
    first, second = start("ana"), start("ben")
    started_by = discovery.read(Places.of_user())
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    # as long as it would take to go, and once more: a test of what must not happen needs time
    time.sleep(2 * IDLE + 1)
    assert discovery.read(Places.of_user()) == started_by
    os.kill(second.pid, signal.SIGKILL)
    second.wait()
    wait_until_gone()
