"""The real command line, server and worker, each test or module with a `SCUMBLE_HOME` of its own, and nothing left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import pyvips

from backend.cli.ask import ask
from backend.cli.problem import Problem
from backend.cli.reach import running_only
from backend.places import HOME_VARIABLE, Places
from protocol import GetStatus, Status

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as where a shell has started the tests in the background: the commands would inherit it, and never hear of Ctrl+C
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

PATIENCE = 120.0
"""Seconds after which a broken test gives up; a sound one waits for conditions and never that long."""

WORKER = "backend.executors.worker"

LONG = ("--steps", 120, "--count", 16)
"""A job that is not to end by itself: a minute and a half of work, of which previews come every half second."""


def until(holds, what: str, seconds: float = PATIENCE):
    """Wait until `holds` returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.01)
    return found


class Command:
    """A Python that runs, as a rule with the `scumble` command."""

    def __init__(self, home: Home, words, folder: Path) -> None:
        self.out, self.err = folder / "out", folder / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-P", *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=home.environment,
                cwd=folder,
            )

    @property
    def stdout(self) -> str:
        return self.out.read_text()

    @property
    def stderr(self) -> str:
        return self.err.read_text()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait(self, code: int = 0, seconds: float = PATIENCE) -> Command:
        """Wait for its end, which must have that exit code and be no traceback."""
        assert self.process.wait(seconds) == code, self.stdout + self.stderr
        assert "Traceback" not in self.stderr
        return self


class Home:
    """A user's folders, and every process that works with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {**os.environ, HOME_VARIABLE: str(self.home), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(HOME_VARIABLE, str(self.home))
            self.places = Places.of_user()
        self._commands: list[Command] = []

    def start(self, *words) -> Command:
        """Start `scumble` with these words."""
        return self.start_python("-m", "backend.cli", *words)

    def start_python(self, *words) -> Command:
        """Start Python with these words."""
        folder = self.folder / f"command-{len(self._commands)}"
        folder.mkdir()
        self._commands.append(Command(self, words, folder))
        return self._commands[-1]

    def run(self, *words, code: int = 0) -> Command:
        """Run `scumble` with these words to its end."""
        return self.start(*words).wait(code)

    def fill(self, name: str, out: Path, *words) -> Command:
        """Start to fill an example."""
        picture, mask = EXAMPLES / f"{name}.png", EXAMPLES / f"{name}-mask.png"
        return self.start("fill", picture, "--mask", mask, "-o", out, *words)

    def begin_long_job(self, out: Path, *words) -> Command:
        """Start a job that does not end by itself, and wait until it paints."""
        looks = out.with_suffix(".looks")
        command = self.fill("room", out, "-p", "a house", *LONG, "--preview-dir", looks, *words)
        until(lambda: list(looks.glob("*.png")) or command.process.poll() is not None, "it paints")
        assert command.process.poll() is None, command.stderr
        return command

    def status(self) -> Status:
        """Ask the backend how it is."""
        return ask(running_only(self.places), GetStatus(), Status)

    def wait_for_jobs(self, running: int, queued: int) -> Status:
        """Wait until there is a backend that has just so many jobs."""

        def counts():
            try:
                found = self.status()
            except Problem:
                return None
            return found if (found.running, found.queued) == (running, queued) else None

        return until(counts, f"{running} jobs running, {queued} waiting")

    def server(self) -> psutil.Process:
        """The backend's process."""
        return psutil.Process(self.status().process)

    def worker(self) -> psutil.Process:
        """The worker's process."""
        (worker,) = self.server().children()
        return worker

    def log(self) -> str:
        return self.places.log.read_text()

    def processes(self, word: str | None = None) -> list[psutil.Process]:
        """All living processes with this home, or those of them with that word in their command line."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(HOME_VARIABLE) == str(self.home)
                wanted = word is None or word in process.cmdline()
                if ours and wanted and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def end(self) -> None:
        """End what still runs; the worker must then go by itself."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                if WORKER not in process.cmdline():
                    # should a test have left it stopped
                    process.resume()
                    process.terminate()
        until(lambda: not self.processes(), f"nothing of {self.home} runs", 30)
        for command in self._commands:
            command.process.wait(30)


@pytest.fixture
def home(tmp_path):
    """A home of the test's own, in which no backend runs yet."""
    found = Home(tmp_path)
    yield found
    found.end()


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A home with a backend that nobody stops."""
    found = Home(tmp_path_factory.mktemp("shared"))
    server = found.start("serve")
    until(lambda: server.stdout, "the backend listens")
    yield found
    assert server.process.poll() is None, "a test has ended the backend that others use"
    found.end()


@pytest.fixture(scope="module")
def harmed(tmp_path_factory):
    """A home whose processes are killed, one test after the other; each command starts what it needs."""
    found = Home(tmp_path_factory.mktemp("harmed"))
    yield found
    found.end()


class Pictures:
    """Pictures as arrays [height, width, channels], read by libvips alone."""

    @staticmethod
    def read(path: Path) -> np.ndarray:
        return np.atleast_3d(pyvips.Image.new_from_file(str(path), fail_on="error").numpy())

    @staticmethod
    def write(path: Path, pixels: np.ndarray) -> Path:
        image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
        bands = pixels.shape[2] if pixels.ndim == 3 else 1
        deep = pixels.dtype == np.uint16
        names = {1: "grey16" if deep else "b-w"}
        image.copy(interpretation=names.get(bands, "rgb16" if deep else "srgb")).write_to_file(str(path))
        return path

    @staticmethod
    def landscape(width: int, height: int) -> np.ndarray:
        """A smooth picture in 8 bit RGB."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        waves = [np.sin(x / width * 5 + i) + np.cos(y / height * 4 - i) for i in range(3)]
        return (np.stack(waves, axis=2) * 55 + 127).astype(np.uint8)

    @staticmethod
    def spot(width: int, height: int) -> np.ndarray:
        """A mask with a hard disc in its middle."""
        y, x = np.mgrid[0:height, 0:width]
        inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (min(width, height) / 4) ** 2
        return (inside * 255).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures():
    return Pictures


@pytest.fixture(scope="session")
def examples():
    return EXAMPLES


@pytest.fixture(scope="session")
def wait_until():
    return until
