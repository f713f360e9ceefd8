"""A home in which Krita is started several times, with Scumble installed as a painter installs it, and a backend of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

SLOW_STYLE = """
name = "Slow"
model = "starter"
steps = 200
"""
"""A style whose pictures take some seconds, so that something can happen meanwhile."""

DARK, BRIGHT = "Krita dark", "Krita bright"


class Atelier:
    """`folder` holds everything; documents go into `pictures`, screenshots into `shots`."""

    def __init__(self, krita, folder: Path, theme: str = DARK) -> None:
        self._krita = krita
        self._screen = krita.Screen("1600x1000")
        self.folder = folder
        self.pictures, self.shots = folder / "pictures", folder / "shots"
        for made in (self.pictures, self.shots, folder / "scumble"):
            made.mkdir(parents=True)
        self.variables = {
            "SCUMBLE_HOME": str(folder / "scumble"),
            "SCUMBLE_TEST_PATH": str(HERE),
            "PICTURES": str(self.pictures),
            "SHOTS": str(self.shots),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        shutil.copytree(krita.warmed(self._screen.name), folder / "data")
        krita.install(folder, (krita.DRIVER,))
        with (folder / "config/kritarc").open("a", encoding="utf-8") as config:
            config.write(f"\n[theme]\nTheme={theme}\n")
        self.scumble("install-plugin", "--krita-resources", str(folder / "data/krita"))
        styles = folder / "scumble/styles"
        styles.mkdir(parents=True, exist_ok=True)
        (styles / "slow.toml").write_text(SLOW_STYLE, "utf-8")

    def scumble(self, *words: str, check: bool = True) -> str:
        """Run the `scumble` command in this home; return what it prints."""
        environment = self._krita.environment(self.folder, self._screen.name) | self.variables
        command = [sys.executable, "-P", "-m", "backend.cli", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start(self, script: str, limit: float = 600, **variables: str):
        """Start Krita once and run the checks of a script in this folder; return how it ended."""
        (self.folder / "result.json").unlink(missing_ok=True)
        return self._krita._start(self.folder, self._screen.name, HERE / script, limit, self.variables | variables)

    def wait_for(self, holds, what: str, seconds: float = 60) -> None:
        """Wait for a condition outside of Krita."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.05)

    def close(self) -> None:
        """End what was started here."""
        self.scumble("stop", "--force", check=False)
        self._screen.close()
        if (kept := os.environ.get("SCUMBLE_TEST_SHOTS")) and any(self.shots.iterdir()):
            shutil.copytree(self.shots, kept, dirs_exist_ok=True)
