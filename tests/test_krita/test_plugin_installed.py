"""The plugin in a real Krita, put there by `scumble install-plugin`; each check of `inside_plugin.py` is a test here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.krita

INSIDE = Path(__file__).with_name("inside_plugin.py")
BROKEN = INSIDE.with_name("inside_broken_plugin.py")
CHECKS = re.findall(r"^def (check_\w+)", INSIDE.read_text("utf-8"), re.MULTILINE)


def run(krita, home, script, *words, harm=lambda plugin: None):
    """Install the plugin into a fresh Krita's folders as a painter does, and run checks there."""
    screen = krita.Screen("320x200")
    try:
        shutil.copytree(krita.warmed(screen.name), home / "data")
    finally:
        screen.close()
    krita.install(home, (krita.DRIVER,))
    variables = {
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "SCUMBLE_HOME": str(home / "scumble"),
    }
    command = [sys.executable, "-m", "backend.cli", "install-plugin", *words]
    subprocess.run(command, env={**os.environ, **variables}, check=True, timeout=60)
    harm(home / "data/krita/pykrita/scumble")
    return krita.run(script, variables=variables, limit=300)


@pytest.fixture(scope="module", params=[(), ("--link",)], ids=["copied", "linked"])
def outcome(krita, tmp_path_factory, request):
    return run(krita, tmp_path_factory.mktemp("krita"), INSIDE, *request.param)


@pytest.mark.parametrize("name", CHECKS)
def test_inside_krita(outcome, name):
    problem = outcome.checks.get(name, f"did not run: {outcome.detail}\n{outcome.log[-2000:]}")
    assert problem == "", problem


def test_krita_ended_well_and_complained_of_nothing(krita, outcome):
    assert outcome.code in (krita.PASSED, krita.FAILED), outcome.detail
    assert set(outcome.checks) == set(CHECKS)
    assert not re.search(r"scumble.*(error|traceback|could not)|Error loading plugin|Traceback", outcome.log, re.I)


def test_a_part_is_missing(krita, tmp_path):
    broken = run(krita, tmp_path, BROKEN, harm=lambda plugin: shutil.rmtree(plugin / "_vendor" / "websockets"))
    assert broken.code == krita.PASSED, broken.checks or broken.detail
    assert len(broken.checks) == 1
