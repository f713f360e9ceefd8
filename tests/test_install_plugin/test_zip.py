"""The zip of the plugin: what is in it, that it is always the same, and that Krita's own importer takes it."""

import ast
import builtins
import importlib.util
import io
import json
import os
import runpy
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
import tomllib

import backend
from backend.plugin import shipped_zip
from krita_plugin.version import VERSION

ROOT = Path(__file__).parents[2]
BUILDER = ROOT / "packaging" / "plugin_zip.py"
IMPORTER = Path("/usr/share/krita/pykrita/plugin_importer/plugin_importer.py")


@pytest.fixture(scope="module")
def archive():
    return zipfile.ZipFile(io.BytesIO(shipped_zip()))


def test_every_file_of_the_plugin_is_in_it(archive):
    names = set(archive.namelist())
    for folder, inside in (("krita_plugin", "scumble"), ("protocol", "scumble/_vendor/protocol")):
        for path in (ROOT / folder).rglob("*.py"):
            name = f"{inside}/{path.relative_to(ROOT / folder).as_posix()}"
            assert archive.read(name) == path.read_bytes()
    assert {"scumble.desktop", "scumble.action", "scumble/Manual.html", "scumble/LICENSE"} <= names


def test_websockets_is_whole_pure_and_comes_with_its_licence(archive):
    folder = Path(distribution("websockets").locate_file("websockets"))
    names = {name for name in archive.namelist() if name.startswith("scumble/_vendor/websockets/")}
    assert {f"scumble/_vendor/websockets/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*.py")} == {
        name for name in names if not name.endswith("/")
    }
    assert b"Redistribution and use" in archive.read("scumble/_vendor/websockets-LICENSE")
    assert {Path(name).suffix for name in archive.namelist() if name.startswith("scumble/_vendor/protocol")} == {
        "",
        ".py",
    }


def test_every_folder_has_an_entry_of_its_own(archive):
    names = archive.namelist()
    assert names == sorted(names)
    for name in names:
        for parent in Path(name).parents:
            assert parent == Path() or f"{parent.as_posix()}/" in names


def test_it_names_its_contents_and_version(archive):
    contents = json.loads(archive.read("scumble/contents.json"))
    inside = [name.removeprefix("scumble/") for name in archive.namelist() if name.startswith("scumble/")]
    assert contents["files"] == sorted(name for name in inside if name and name[-1] != "/" and name != "contents.json")
    assert contents["version"] == VERSION == backend.__version__


def test_the_same_sources_give_the_same_bytes(tmp_path):
    # another process, order of hashes, time zone and file times
    for number, zone in ((1, "UTC"), (2, "Asia/Tokyo")):
        env = {**os.environ, "PYTHONHASHSEED": str(number), "TZ": zone}
        subprocess.run([sys.executable, str(BUILDER), str(tmp_path / f"{number}.zip")], env=env, check=True, timeout=60)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes() == shipped_zip()


def test_another_websockets_is_refused(monkeypatch):
    built = runpy.run_path(str(BUILDER))
    monkeypatch.setitem(built["sources"].__globals__, "WEBSOCKETS", "15.0")
    with pytest.raises(RuntimeError, match=r"carries websockets 15\.0"):
        built["build"]()


def test_the_pin_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    pinned = f"websockets=={runpy.run_path(str(BUILDER))['WEBSOCKETS']}"
    assert pinned in project["project"]["dependencies"]
    assert pinned in project["build-system"]["requires"]
    assert project["project"]["version"] == VERSION


@pytest.mark.parametrize("name", ["__init__.py", "unable.py", "qt.py"])
def test_an_old_krita_can_read_the_part_that_speaks_to_it(name):
    ast.parse((ROOT / "krita_plugin" / name).read_text("utf-8"), feature_version=(3, 8))


ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from backend.plugin import bundle
assert not bundle.BUILDER.exists(), bundle.BUILDER
sys.stdout.buffer.write(bundle.shipped_zip())
"""


def test_it_is_built_with_the_package_and_found_in_it(tmp_path):
    built = tmp_path / "lib"
    build = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", str(built)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    asked = subprocess.run([sys.executable, "-c", ASK, str(built)], cwd=tmp_path, check=True, capture_output=True)
    assert asked.stdout == shipped_zip()


@pytest.mark.krita
def test_krita_s_own_importer_takes_it(tmp_path, monkeypatch):
    if not IMPORTER.is_file():
        pytest.skip("no Krita here with the importer of plugins")
    # Krita puts this into every plugin's builtins
    monkeypatch.setattr(builtins, "i18n", lambda text: text, raising=False)
    spec = importlib.util.spec_from_file_location("plugin_importer", IMPORTER)
    importer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(importer)
    (tmp_path / "scumble.zip").write_bytes(shipped_zip())
    resources = tmp_path / "krita"
    resources.mkdir()
    importing = importer.PluginImporter(str(tmp_path / "scumble.zip"), str(resources), lambda plugin: False)
    with importing.archive:
        imported = importing.import_all()
    assert [(plugin["name"], plugin["ui_name"]) for plugin in imported] == [("scumble", "Scumble")]
    archive = zipfile.ZipFile(io.BytesIO(shipped_zip()))
    expected = {
        f"{'actions' if name.endswith('.action') else 'pykrita'}/{name}"
        for name in archive.namelist()
        if not name.endswith("/")
    }
    assert {path.relative_to(resources).as_posix() for path in resources.rglob("*") if path.is_file()} == expected
