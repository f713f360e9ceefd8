"""A Krita with an old Python inside reads the plugin and says which Krita to get."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.plugin import install, read_bundle

OLD = Path(__file__).with_name("old_krita.py")


def old_pythons():
    """Yield interpreters of 3.8 and 3.9 that really start: what pyenv puts on the path may not."""
    for minor in (8, 9):
        names = [shutil.which(f"python3.{minor}"), *Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")]
        for name in filter(None, names):
            asked = subprocess.run(
                [name, "-c", "import sys; print(sys.version_info[1])"], capture_output=True, text=True
            )
            if asked.stdout.strip() == str(minor):
                yield str(name)
                break


@pytest.mark.parametrize("python", list(old_pythons()) or [None])
def test_it_says_which_krita_to_get(python, krita):
    if python is None:
        pytest.skip("no Python 3.8 or 3.9 here")
    install(krita, read_bundle())
    command = [python, "-I", str(OLD), str(krita.resources / "pykrita")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "Get Krita 5.2 or newer from krita.org" in ran.stdout


def test_the_stand_in_would_notice_a_new_one(krita):
    install(krita, read_bundle())
    command = [sys.executable, "-I", "-S", str(OLD), str(krita.resources / "pykrita")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "Get Krita" not in ran.stdout
