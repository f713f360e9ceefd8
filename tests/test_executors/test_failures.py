"""What a painter is told of a worker's end can travel, whatever the folder with its log is called."""

from pathlib import Path

import pytest

from backend.executors import failures
from backend.executors.exchange import EXIT_DEVICE_LOST
from backend.executors.log import WorkerLog
from backend.executors.process import Ending

LOG = WorkerLog(Path("/home/h\udce8me/logs/worker.log"), 0)


@pytest.mark.parametrize("ending", [Ending(0, "was silent"), Ending(-9), Ending(EXIT_DEVICE_LOST), Ending(3)])
def test_a_worker_s_end_names_its_log(ending):
    failure = failures.worker_lost(ending, LOG)
    assert failure.code == "worker_lost"
    assert "/home/h?me/logs/worker.log" in failure.remedy


def test_one_that_did_not_start_names_it_too():
    assert "h?me/logs/worker.log" in failures.worker_not_started(Ending(1), LOG).remedy
    assert "h?me/logs/worker.log" in failures.worker_never_ready(30, LOG).remedy
