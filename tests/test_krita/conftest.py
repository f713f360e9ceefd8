"""A real Krita for the tests of this folder; they skip, in one line, where there is none. In CI they fail instead."""

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _harness():
    spec = importlib.util.spec_from_file_location("krita_run", ROOT / "tests/krita_harness/krita_run.py")
    module = importlib.util.module_from_spec(spec)
    # dataclasses look their own module up
    import sys

    sys.modules["krita_run"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def krita():
    """The harness, on a machine that has a Krita."""
    harness = _harness()
    lack = harness.missing()
    if lack and os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"real Krita cannot be tested: {lack}")
    if lack:
        pytest.skip(f"real Krita cannot be tested: {lack}")
    return harness


@pytest.fixture(scope="session")
def source_path(tmp_path_factory):
    """A folder with just what the plugin imports, for Krita's own Python: nothing else of this environment."""
    folder = tmp_path_factory.mktemp("path")
    for name in ("krita_plugin", "protocol"):
        (folder / name).symlink_to(ROOT / name)
    websockets = Path(importlib.util.find_spec("websockets").origin).parent
    (folder / "websockets").symlink_to(websockets)
    return folder


@pytest.fixture(scope="module")
def atelier(krita, tmp_path_factory):
    """Makes homes for Krita, each with Scumble installed and a backend of its own."""
    made = []
    spec = importlib.util.spec_from_file_location("atelier", Path(__file__).with_name("atelier.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def make(theme=module.DARK):
        made.append(module.Atelier(krita, tmp_path_factory.mktemp("krita"), theme))
        return made[-1]

    yield make
    for home in made:
        home.close()
