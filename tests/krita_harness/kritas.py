#!/usr/bin/env python3
"""Runs tests/test_krita on this machine's Krita and on others, out of Debians that are made once, in a folder of the user's.

``kritas.py [VERSION ...]``; with none named, all. Where one cannot be run here, a line says why.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import krita_run

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOST = "host"

SPACE = 3 * 1024**3
"""Bytes that must be free to make one: 1.4 GB, and the packages meanwhile."""


@dataclass(frozen=True)
class Other:
    """A Krita of another Debian: its version, the suite, and what apt-get is told to install."""

    version: str
    suite: str
    install: tuple[str, ...]


OTHERS = (
    Other("5.2.9", "trixie", ("krita", "python3-pyqt5")),
    # Qt 6 comes without SVG, and Krita's icons are SVG
    Other("6.0.4", "sid", ("-t", "experimental", "krita", "python3-pyqt6", "qt6-svg-plugins")),
)


def folder_of(other: Other) -> Path:
    """Where the Debian with that Krita lies, made or not."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "scumble-kritas" / other.version


def make(other: Other) -> str:
    """Make the Debian with that Krita where it is not there yet; return why it cannot be, in one line, or "" when it is."""
    if os.getuid() != 0:
        return "only root can make another Debian and run a program in it"
    folder = folder_of(other)
    if (folder / "usr/bin/krita").exists():
        return ""
    if shutil.which("debootstrap") is None:
        return "there is no debootstrap here; on Debian: apt-get install debootstrap"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder.parent).free < SPACE:
        return f"{folder.parent} has less than {SPACE // 1024**3} GiB free"
    print(f"Krita {other.version}: making a Debian {other.suite} in {folder}, once, in some minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"{other.version}-", dir=folder.parent, ignore_cleanup_errors=True) as part:
        made, log = Path(part) / "root", folder.parent / f"{other.version}.log"
        with log.open("wb") as words:
            done = subprocess.run(
                [HERE / "make_root.sh", other.suite, made, *other.install],
                stdout=words,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0 or not (made / "usr/bin/krita").exists():
            last = (log.read_text("utf-8", "replace").strip().splitlines() or ["nothing was said"])[-1]
            return f"the Debian {other.suite} could not be made ({last}); all of it is in {log}"
        made.rename(folder)
    return ""


def lack_of(version: str) -> str:
    """Make what the run on that Krita needs; return why it cannot be, in one line, or ""."""
    if version == HOST:
        os.environ.pop(krita_run.ROOT_VARIABLE, None)
        return krita_run.missing()
    other = next(one for one in OTHERS if one.version == version)
    if lack := make(other):
        return lack
    os.environ[krita_run.ROOT_VARIABLE] = str(folder_of(other))
    return krita_run.missing()


def main() -> int:
    versions = [HOST, *(other.version for other in OTHERS)]
    parser = argparse.ArgumentParser(description="Run tests/test_krita on several Kritas.")
    parser.add_argument("version", nargs="*", help=f"of {', '.join(versions)}; all where none is named")
    parser.add_argument(
        "--only", default="tests/test_krita", help="folder or file of tests, tests/test_krita if not named"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.version) - set(versions):
        parser.error(f"no Krita {', '.join(sorted(unknown))} is known here")
    told, failed = [], False
    for version in chosen.version or versions:
        name = "Krita of this machine" if version == HOST else f"Krita {version}"
        if lack := lack_of(version):
            told.append(f"{name}: not run: {lack}")
            continue
        print(f"{name}:", flush=True)
        done = subprocess.run([sys.executable, "-m", "pytest", "-m", "krita", chosen.only], cwd=ROOT, check=False)
        failed = failed or done.returncode != 0
        told.append(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'}")
    print("\n".join(told))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
