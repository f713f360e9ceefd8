#!/usr/bin/env python3
"""Runs a script inside a real Krita, with a screen and a home folder of its own.

From the command line: ``krita_run.py SCRIPT [--plugin DIR ...]``. From tests: `run()`. The script's side of it is told in
`pykrita/scumble_test_driver`. Nothing of the user's own Krita is read or written.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE_TREE = HERE.parents[1]
DRIVER = HERE / "pykrita"

ROOT_VARIABLE = "SCUMBLE_TEST_KRITA"
"""Names a folder with another Debian, made by `make_root.sh`, whose Krita is run instead of this machine's own."""

# Krita's embedded Python takes its prefix from the first python3 on PATH, so a virtual environment there breaks it.
SYSTEM_PATH = "/usr/bin:/bin"

PASSED, FAILED, TIMED_OUT, UNEXPECTED_MODAL, NO_RESULT, NO_PYTHON = 0, 1, 3, 4, 5, 6
"""How a run ended; another code is Krita's own, negative that of the signal that killed it."""

ENDS_WITH_US = ("/usr/bin/setpriv", "--pdeathsig", "KILL")
"""Words before a command that then ends with the thread that started it, even where that was killed and could not tidy up."""

WARM_UP_SECONDS = 400
GRACE_SECONDS = 30
"""What Krita may need above the script's own limit to start and to end."""

BROKEN = ("Could not import krita", "Error loading plugin", "No module named PyQt")
FOREIGN_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "QT_QPA_PLATFORM",
    "QT_PLUGIN_PATH",
    "WAYLAND_DISPLAY",
    "LD_LIBRARY_PATH",
)


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `checks` maps each check's name to "" where it held and to its traceback where not."""

    code: int
    log: str
    seconds: float
    checks: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    detail: str = ""


def missing() -> str:
    """What this machine lacks to run Krita, in one line; empty where it has everything."""
    absent = [name for name in ("krita", "Xvfb") if shutil.which(name, path=SYSTEM_PATH) is None]
    if other_root() is not None:
        if os.getuid() != 0:
            return f"the Krita in {other_root()} can be run by root only"
        absent = [name for name in absent if name != "krita" or not krita_program().exists()]
    if not absent:
        return ""
    return f"no {' and no '.join(absent)} here; on Debian: apt-get install --no-install-recommends krita python3-pyqt5 xvfb"


def other_root() -> Path | None:
    """The folder with the Debian whose Krita is to be run, or None for this machine's own."""
    named = os.environ.get(ROOT_VARIABLE)
    return Path(named).resolve() if named else None


def krita_program() -> Path:
    """Where the Krita to be run lies on this machine."""
    root = other_root()
    return root / "usr/bin/krita" if root else Path(shutil.which("krita", path=SYSTEM_PATH) or "krita")


def _command() -> list[str]:
    """The words that start Krita.

    One of another root gets mounts of its own, which are gone when it ends: the folders for temporary files, where the
    run's are, the source tree, and this Python, which the plugin starts the backend with. Each step replaces itself by the next one, so that the process is Krita in the end.
    """
    root = other_root()
    if root is None:
        return ["krita", "--nosplash"]
    shared = {Path("/tmp"), Path(tempfile.gettempdir()), SOURCE_TREE, Path(sys.prefix), Path(sys.base_prefix)}
    outermost = sorted(str(one) for one in shared if not any(one != two and one.is_relative_to(two) for two in shared))
    script = """
        set -e
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount --bind /dev "$root/dev"
        mount --rbind /sys "$root/sys"
        while [ "$1" != -- ]; do mkdir -p "$root$1"; mount --bind "$1" "$root$1"; shift; done
        shift
        exec chroot "$root" "$@"
    """
    apart = ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh", str(root)]
    return [*apart, *outermost, "--", "/usr/bin/env", f"PATH={SYSTEM_PATH}", "krita", "--nosplash"]


class Screen:
    """An X server of this run's own."""

    def __init__(self, size: str) -> None:
        reader, writer = os.pipe()
        self._process = subprocess.Popen(
            # without -noreset it would end with its first client; -displayfd lets it choose a free number
            [
                *ENDS_WITH_US,
                "Xvfb",
                "-displayfd",
                str(writer),
                "-screen",
                "0",
                f"{size}x24",
                "-nolisten",
                "tcp",
                "-noreset",
            ],
            pass_fds=[writer],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        if not number:
            self.close()
            raise RuntimeError("Xvfb did not start")
        self.name = f":{number}"

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def environment(folder: Path, display: str) -> dict[str, str]:
    """Krita's environment with every folder of the user's inside `folder`: Krita is single-instance per home."""
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN_VARIABLES}
    for variable, part in (
        ("HOME", "home"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_RUNTIME_DIR", "run"),
    ):
        (folder / part).mkdir(parents=True, exist_ok=True)
        env[variable] = str(folder / part)
    (folder / "run").chmod(0o700)
    # mount and chroot lie among root's programs; what is run in another root gets the plain path
    path = f"{SYSTEM_PATH}:/usr/sbin:/sbin" if other_root() else SYSTEM_PATH
    env.update(PATH=path, DISPLAY=display, LC_ALL="C.UTF-8", LANG="C.UTF-8")
    env.update(LIBGL_ALWAYS_SOFTWARE="1", QT_LOGGING_RULES="*.debug=false")
    return env


def install(folder: Path, plugins: tuple[Path, ...]) -> None:
    """Copy each plugin of those folders (NAME.desktop beside NAME/) to where Krita looks, and enable it."""
    target = folder / "data/krita/pykrita"
    target.mkdir(parents=True, exist_ok=True)
    names = []
    for plugin in plugins:
        for desktop in plugin.glob("*.desktop"):
            found = re.search(r"^X-KDE-Library=(.+)$", desktop.read_text("utf-8"), re.MULTILINE)
            if found is None:
                raise ValueError(f"{desktop} names no X-KDE-Library")
            names.append(found[1].strip())
            shutil.copy(desktop, target)
            shutil.copytree(plugin / names[-1], target / names[-1], ignore=shutil.ignore_patterns("__pycache__"))
    config = folder / "config"
    config.mkdir(parents=True, exist_ok=True)
    (config / "kritarc").write_text("[python]\n" + "".join(f"enable_{name}=true\n" for name in names), "utf-8")


def _start(folder: Path, display: str, script: Path, limit: float, variables: dict[str, str]) -> Outcome:
    result, log = folder / "result.json", folder / "krita.log"
    env = environment(folder, display) | variables
    env.update(SCUMBLE_TEST_SCRIPT=str(script), SCUMBLE_TEST_RESULT=str(result), SCUMBLE_TEST_LIMIT=str(limit))
    begun = time.monotonic()
    with open(log, "wb") as out:
        krita = subprocess.Popen(
            [*ENDS_WITH_US, *_command()],
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
        )
    code = None
    try:
        while code is None:
            try:
                code = krita.wait(0.2)
            except subprocess.TimeoutExpired:
                # a broken plugin does not stop Krita, so only its words tell
                if any(word in log.read_text("utf-8", "replace") for word in BROKEN):
                    code = NO_PYTHON
                elif time.monotonic() > begun + limit + GRACE_SECONDS:
                    code = TIMED_OUT
    finally:
        if krita.poll() is None:
            os.killpg(krita.pid, signal.SIGKILL)
            krita.wait()
    told = json.loads(result.read_text("utf-8")) if result.exists() else {"detail": "Krita left no result"}
    return Outcome(
        code if code or result.exists() else NO_RESULT,
        log.read_text("utf-8", "replace"),
        time.monotonic() - begun,
        told.get("checks", {}),
        tuple(told.get("notes", ())),
        told.get("detail", ""),
    )


def warmed(display: str) -> Path:
    """Krita's data folder after a first start, made once per machine, user and build of Krita (13 s, 87 MB)."""
    krita = krita_program()
    build = hashlib.sha256(f"{krita} {krita.stat().st_size} {krita.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    caches = Path(tempfile.gettempdir()) / f"scumble-test-krita-{os.getuid()}"
    caches.mkdir(mode=0o700, exist_ok=True)
    if caches.stat().st_uid != os.getuid():
        raise RuntimeError(f"{caches} belongs to somebody else")
    cache = caches / build
    if cache.exists():
        return cache
    with tempfile.TemporaryDirectory(prefix="warm-", dir=caches) as made:
        folder = Path(made)
        script = folder / "nothing.py"
        script.write_text("", "utf-8")
        install(folder, (DRIVER,))
        outcome = _start(folder, display, script, WARM_UP_SECONDS, {})
        if outcome.code != PASSED:
            raise RuntimeError(f"Krita could not start once ({outcome.code}): {outcome.detail}\n{outcome.log[-3000:]}")
        shutil.rmtree(folder / "data/krita/pykrita")
        # a rename, so that another run at the same time finds all of it or nothing
        try:
            (folder / "data").rename(cache)
        except OSError:
            if not cache.exists():
                raise
    return cache


def run(
    script: Path,
    *,
    plugins: tuple[Path, ...] = (),
    variables: dict[str, str] | None = None,
    size: str = "1600x1000",
    limit: float = 300,
    keep: Path | None = None,
) -> Outcome:
    """Run every check of `script` inside Krita, started once; seconds for `limit`, a fresh folder for all else.

    `plugins` are folders of NAME.desktop and NAME/. `keep` gets a copy of Krita's own output.
    """
    screen = Screen(size)
    try:
        with tempfile.TemporaryDirectory(prefix="scumble-krita-", ignore_cleanup_errors=True) as made:
            folder = Path(made)
            shutil.copytree(warmed(screen.name), folder / "data")
            install(folder, (DRIVER, *plugins))
            outcome = _start(folder, screen.name, script.resolve(), limit, variables or {})
            if keep is not None:
                keep.write_text(outcome.log, "utf-8")
            return outcome
    finally:
        screen.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Run a script inside a real Krita.")
    parser.add_argument("script", type=Path)
    parser.add_argument("--plugin", action="append", default=[], type=Path, help="folder with NAME.desktop and NAME/")
    parser.add_argument("--env", action="append", default=[], help="NAME=VALUE for Krita")
    parser.add_argument("--size", default="1600x1000")
    parser.add_argument("--limit", type=float, default=300)
    parser.add_argument("--log", type=Path, help="keep Krita's output here")
    chosen = parser.parse_args()
    if lack := missing():
        print(lack)
        return 2
    outcome = run(
        chosen.script,
        plugins=tuple(chosen.plugin),
        variables=dict(pair.split("=", 1) for pair in chosen.env),
        size=chosen.size,
        limit=chosen.limit,
        keep=chosen.log,
    )
    for note in outcome.notes:
        print("  ", note)
    for name, problem in outcome.checks.items():
        print("FAILED" if problem else "passed", name, problem)
    print(f"code {outcome.code} after {outcome.seconds:.1f} s", outcome.detail)
    if outcome.code not in (PASSED, FAILED):
        print(outcome.log[-3000:])
    return outcome.code if 0 <= outcome.code < 128 else 128


if __name__ == "__main__":
    # so that `finally` takes Krita and the screen along
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
