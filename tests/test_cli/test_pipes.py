"""What nobody reads any more ends a command quietly, as in `scumble doctor | head`."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("words", [("doctor",), ("--help",)], ids=lambda words: words[0])
def test_a_reader_that_goes_away_is_no_fault(tmp_path, words, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "SCUMBLE_HOME": str(tmp_path), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-P", "-m", "backend.cli", *words]
    try:
        ended = subprocess.run(
            command, stdout=writer, stderr=subprocess.PIPE, env=environment, text=True, timeout=120, check=False
        )
    finally:
        os.close(writer)
    assert "Traceback" not in ended.stderr
    assert "BrokenPipe" not in ended.stderr
    # argparse itself passes over what it cannot print
    assert ended.returncode == 141 or words == ("--help",)


def test_nobody_reads_errors_either(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "SCUMBLE_HOME": str(tmp_path)}
    command = [sys.executable, "-P", "-m", "backend.cli", "status"]
    try:
        ended = subprocess.run(command, stdout=writer, stderr=writer, env=environment, timeout=120, check=False)
    finally:
        os.close(writer)
    assert ended.returncode == 141
