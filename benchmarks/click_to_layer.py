"""From a press of Generate to the layer, in a real Krita, when painting costs nothing; and what the plugin costs at the start.

::

    python -m benchmarks.click_to_layer [--without-opengl]

Where no graphics card helps, OpenGL is worked out by the processor, and each change of the docker makes it put the whole window
together anew; without it Krita draws its canvas as any other widget, which is nearer to what a painter's own machine does.

Needs Krita and Xvfb, as `make test-krita` does. The plugin is installed as a painter installs it, into folders of this run's
own; the backend's executor echoes its input. Ours and Krita's own calls alone are timed in turn inside one Krita; starts with and
without the plugin take turns as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from backend.cli.reach import find
from backend.models import Library
from backend.places import HOME_VARIABLE, Places
from benchmarks.turns import machine

ROOT: Final = Path(__file__).resolve().parents[1]
INSIDE: Final = ROOT / "benchmarks/inside_krita.py"

STARTS: Final = 7
"""Of each kind that count, after one that does not."""

LIMIT_SECONDS: Final = 480
"""For all rounds inside one Krita."""

SERVER_SECONDS: Final = 30
"""Until the backend must listen."""


def harness() -> ModuleType:
    """Return the tests' own way of running a Krita."""
    spec = importlib.util.spec_from_file_location("krita_run", ROOT / "tests/krita_harness/krita_run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their own module up
    sys.modules["krita_run"] = module
    spec.loader.exec_module(module)
    return module


class Home:
    """Folders for one Krita, with the plugin or without."""

    def __init__(self, krita: ModuleType, folder: Path, display: str, plugin: bool, opengl: bool) -> None:
        self._krita, self._folder, self._display = krita, folder, display
        folder.mkdir(parents=True)
        self.variables = {HOME_VARIABLE: str(folder / "scumble"), "OMP_NUM_THREADS": "1", "SCUMBLE_SHOW_DOCKER": "1"}
        shutil.copytree(krita.warmed(display), folder / "data")
        krita.install(folder, (krita.DRIVER,))
        if not opengl:
            (folder / "config/kritadisplayrc").write_text("[General]\ncanvasState=OPENGL_FAILED\n", "utf-8")
        if plugin:
            command = [sys.executable, "-P", "-m", "backend.cli", "install-plugin"]
            subprocess.run(
                [*command, "--krita-resources", str(folder / "data/krita")],
                cwd=ROOT,
                env=self.environment(),
                check=True,
                stdout=subprocess.DEVNULL,
            )

    def environment(self) -> dict[str, str]:
        """Return the environment of whatever belongs to this home."""
        return {**self._krita.environment(self._folder, self._display), **self.variables}

    def start(self, **variables: str) -> tuple[float, list[dict[str, Any]]]:
        """Run Krita; return when it was started, and what was noted inside."""
        (self._folder / "result.json").unlink(missing_ok=True)
        begun = time.time()
        outcome = self._krita._start(
            self._folder, self._display, INSIDE, LIMIT_SECONDS, {**self.variables, **variables}
        )
        broken = {name: problem for name, problem in outcome.checks.items() if problem}
        if outcome.code != self._krita.PASSED:
            raise SystemExit(f"Krita ended with {outcome.code}: {outcome.detail}\n{broken}\n{outcome.log[-2000:]}")
        return begun, [json.loads(note) for note in outcome.notes]


@contextmanager
def echoing(home: Home) -> Iterator[None]:
    """Run a backend that echoes, for as long as the block lasts."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.echo_server"],
        cwd=ROOT,
        env={**os.environ, **home.variables},
        stdout=subprocess.DEVNULL,
    )
    previous = os.environ.get(HOME_VARIABLE)
    os.environ[HOME_VARIABLE] = home.variables[HOME_VARIABLE]
    try:
        end = time.monotonic() + SERVER_SECONDS
        while find(Places.of_user()) is None:
            if time.monotonic() > end or server.poll() is not None:
                raise SystemExit("the backend does not start")
            time.sleep(0.05)
        yield
    finally:
        if previous is None:
            del os.environ[HOME_VARIABLE]
        else:
            os.environ[HOME_VARIABLE] = previous
        server.terminate()
        server.wait()


def milliseconds(seconds: Iterable[float]) -> str:
    """Return the median."""
    return f"{statistics.median(seconds) * 1000:.0f}"


def tell_clicks(notes: list[dict[str, Any]]) -> None:
    """Print the table of what was measured inside."""
    print(
        "| area | ours, ms | floor, ms | twice the floor + 30 | longest pause: ours, ms | floor, ms | worst of all: ours | floor |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for note in notes:
        if "rounds" not in note:
            continue
        own, own_pause, least, least_pause = zip(*note["rounds"], strict=True)
        target = statistics.median(least) * 2000 + 30
        print(
            f"| {note['what']}, {note['side']} x {note['side']} | {milliseconds(own)} | {milliseconds(least)} "
            f"| {target:.0f} | {milliseconds(own_pause)} | {milliseconds(least_pause)} "
            f"| {max(own_pause) * 1000:.0f} | {max(least_pause) * 1000:.0f} |"
        )


def starts(with_plugin: Home, without: Home) -> None:
    """Start Krita with and without the plugin in turn; print both medians of seconds and of MiB."""
    found: list[tuple[float, float, float, float]] = []
    for _ in range(STARTS + 1):
        row: list[float] = []
        for home in (with_plugin, without):
            begun, notes = home.start()
            assert notes[0]["docker"] is (home is with_plugin)
            row += [notes[0]["at"] - begun, notes[0]["rss"]]
        found.append((row[0], row[2], row[1], row[3]))
    seconds, bare, memory, bare_memory = (statistics.median(column) for column in zip(*found[1:], strict=True))
    print("| | with the plugin | without |")
    print("|---|---|---|")
    print(f"| start of Krita, ms | {seconds * 1000:.0f} | {bare * 1000:.0f} |")
    print(f"| its memory, MiB | {memory:.0f} | {bare_memory:.0f} |")


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description="Time the way from Generate to the layer in a real Krita.")
    parser.add_argument("--without-opengl", action="store_true", help="have Krita draw its canvas without OpenGL")
    opengl = not parser.parse_args().without_opengl
    krita = harness()
    if lack := krita.missing():
        raise SystemExit(lack)
    screen = krita.Screen("1600x1000")
    try:
        with tempfile.TemporaryDirectory(prefix="scumble-click-", ignore_cleanup_errors=True) as made:
            folder = Path(made)
            home = Home(krita, folder / "with", screen.name, plugin=True, opengl=opengl)
            print(machine() + "\n")
            with echoing(home):
                wanted = Library(folder / "no models").infos()[0].context
                _, notes = home.start(COMPARE="1", CONTEXT=f"{wanted.padding} {wanted.minimum}")
            tell_clicks(notes)
            print()
            starts(home, Home(krita, folder / "without", screen.name, plugin=False, opengl=opengl))
    finally:
        screen.close()


if __name__ == "__main__":
    main()
