"""The plugin as it lies in Krita's folder: as `scumble`, with what it needs inside, in a Python that has nothing else."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEBSOCKETS = Path(importlib.util.find_spec("websockets").origin).parent

PROBE = """
import sys
sys.path[:0] = {paths!r}
before = list(sys.path)
from scumble import bundled
assert sys.path == before, sys.path
print(bundled.protocol.__name__, bundled.websocket_client.__name__, bundled.websocket_errors.__name__)
from scumble.link import connection, discovery, launch
print(sorted(name for name in sys.modules if name.split(".")[0] in ("protocol", "websockets")))
"""


def run(*paths, code=PROBE, isolated=True, **environment):
    # -I -S: no site-packages, no current folder
    command = [
        sys.executable,
        *(["-I", "-S"] if isolated else []),
        "-c",
        code.format(paths=[str(path) for path in paths]),
    ]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def plugin(tmp_path):
    """Copy the plugin as the installer will."""
    folder = tmp_path / "pykrita" / "scumble"
    shutil.copytree(ROOT / "krita_plugin", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def carry(plugin, name, source):
    (plugin / "_vendor").mkdir(exist_ok=True)
    (plugin / "_vendor" / "__init__.py").touch()
    # pure Python, as the wheel that the plugin carries
    shutil.copytree(source, plugin / "_vendor" / name, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.pyd"))


@pytest.fixture
def whole(plugin):
    carry(plugin, "protocol", ROOT / "protocol")
    carry(plugin, "websockets", WEBSOCKETS)
    return plugin


def test_carried_parts_are_the_plugins_own(whole):
    done = run(whole.parent)
    assert done.returncode == 0, done.stderr
    names, foreign = done.stdout.splitlines()
    inside = "scumble._vendor"
    assert names == f"{inside}.protocol {inside}.websockets.asyncio.client {inside}.websockets.exceptions"
    assert foreign == "[]"


def test_another_plugins_packages_of_the_same_name_are_not_taken(whole, tmp_path):
    for name in ("protocol", "websockets"):
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / "other" / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    done = run(tmp_path / "other", whole.parent)
    assert done.returncode == 0, done.stderr


def test_in_the_source_tree_they_are_plain_imports(plugin):
    done = run(plugin.parent, ROOT, WEBSOCKETS.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("protocol websockets.asyncio.client")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_into_the_source_tree_finds_the_protocol_beside_it(tmp_path):
    (tmp_path / "pykrita").mkdir()
    (tmp_path / "pykrita" / "scumble").symlink_to(ROOT / "krita_plugin", target_is_directory=True)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "websockets").symlink_to(WEBSOCKETS, target_is_directory=True)
    done = run(tmp_path / "pykrita", tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("protocol websockets.asyncio.client")


@pytest.mark.parametrize("missing", ["protocol", "websockets"])
def test_a_missing_part_is_told_of_in_plain_words(whole, missing):
    shutil.rmtree(whole / "_vendor" / missing)
    code = (
        "import sys; sys.path[:0] = {paths!r}\n"
        "try:\n    import scumble.bundled\n"
        "except ImportError as error:\n    print(type(error).__name__, error.happened, error.remedy, sep='|')"
    )
    done = run(whole.parent, code=code)
    kind, happened, remedy = done.stdout.strip().split("|")
    assert kind == "IncompletePlugin"
    assert missing in happened
    assert "install-plugin" in remedy


CHOICE = "import sys\nsys.path[:0] = {paths!r}\nimport krita_plugin.qt as qt; print(qt.MAJOR, qt.QtCore.QT_VERSION_STR)"


@pytest.mark.parametrize(
    ("pykrita", "major"),
    [("", "5"), ("def qt_major_version(): return 5", "5"), ("def qt_major_version(): return 6", "6")],
)
def test_krita_says_which_binding_it_is(tmp_path, pykrita, major):
    (tmp_path / "pykrita.py").write_text(pykrita)
    # the other one is named by the variable, which Krita's word beats
    done = run(tmp_path, ROOT, code=CHOICE, isolated=False, SCUMBLE_QT="5" if major == "6" else "6")
    assert done.returncode == 0, done.stderr
    chosen, version = done.stdout.split()
    assert chosen == major == version[0]


@pytest.mark.parametrize("major", ["5", "6"])
def test_outside_krita_it_is_the_one_that_is_imported_already(major):
    done = run(
        ROOT, code=f"import PyQt{major}.QtCore\n" + CHOICE, isolated=False, SCUMBLE_QT="5" if major == "6" else "6"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout[0] == major
