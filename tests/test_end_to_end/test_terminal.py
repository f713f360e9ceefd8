"""What a painter sees in a terminal: the place in line, a bar, the time left, and nothing of it afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading

import pytest

pty = pytest.importorskip("pty", reason="a pseudo-terminal needs Unix")

WIDTH = 64


class Terminal:
    """A command on a pseudo-terminal of its own, and all that it has drawn."""

    def __init__(self, home, *words) -> None:
        self._side, theirs = pty.openpty()
        environment = {**home.environment, "TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "24"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "backend.cli", *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(theirs)
        self._seen = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        # a terminal whose other side is gone answers with an error
        with contextlib.suppress(OSError):
            while data := os.read(self._side, 65536):
                self._seen += data

    @property
    def seen(self) -> str:
        """Without colours."""
        return re.sub(r"\x1b\[[0-9;]*m", "", self._seen.decode("utf-8", "ignore"))

    @property
    def shown(self) -> str:
        """Text alone, one line for each time that a line was drawn."""
        return re.sub(r"\r+\n|\r", "\n", re.sub(r"\x1b\[\??[0-9;]*[A-Za-z]", "", self.seen))

    def press(self, key: bytes) -> None:
        os.write(self._side, key)

    def wait(self) -> int:
        code = self.process.wait(60)
        self._reader.join()
        os.close(self._side)
        return code


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_waiting_painting_and_the_end_are_shown(shared, tmp_path, examples, wait_until):
    first = shared.begin_long_job(tmp_path / "first.png")
    second = shared.fill("badge", tmp_path / "second.png", "--steps", "2")
    shared.wait_for_jobs(running=1, queued=1)
    picture, mask = examples / "room.png", examples / "room-mask.png"
    words = ("-p", "a house", "--steps", "30", "--seed", "1")
    third = Terminal(shared, "fill", picture, "-m", mask, "-o", tmp_path / "third.png", *words)
    wait_until(lambda: "Waiting, 1 before this one" in third.seen, "its place is shown")
    first.interrupt()
    assert third.wait() == 0
    second.wait()
    assert re.search(r"Painting, step \d+/30 [━╸╺ ]+ +\d+% +\d+ s left", third.seen)
    assert max(len(line) for line in third.shown.splitlines() if "━" in line) < WIDTH
    # the bar has been taken away, and the cursor given back
    assert third.seen.rstrip().endswith(f"{tmp_path / 'third.png'}  seed 1")
    assert third.seen.rfind("\x1b[?25h") > third.seen.rfind("\x1b[?25l")


def test_control_c_ends_it_and_leaves_a_clean_line(shared, tmp_path, examples, wait_until):
    picture, mask = examples / "room.png", examples / "room-mask.png"
    words = ("-p", "a house", "--steps", "1000")
    command = Terminal(shared, "fill", picture, "-m", mask, "-o", tmp_path / "out.png", *words)
    wait_until(lambda: re.search(r"Painting, step \d", command.seen), "it paints")
    command.press(b"\x03")
    assert command.wait() == 130
    assert command.shown.splitlines()[-2:] == ["scumble: The job was cancelled.", "Nothing was written."]
    assert command.seen.rfind("\x1b[?25h") > command.seen.rfind("\x1b[?25l")
    shared.wait_for_jobs(running=0, queued=0)
