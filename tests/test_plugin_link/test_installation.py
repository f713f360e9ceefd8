"""The name under which a user's jobs belong together."""

import re
import stat
import sys

import pytest

from krita_plugin.link import places
from krita_plugin.link.installation import installation


def test_it_is_made_once_and_is_the_user_s_alone(tmp_path):
    path = tmp_path / "plugin" / "installation"
    name = installation(path)
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert installation(path) == name
    assert installation(tmp_path / "other") != name
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["installation"]


@pytest.mark.parametrize("text", ["", "short", "x" * 32, "a" * 33, "\xff" * 9999])
def test_a_broken_one_is_made_anew(tmp_path, text):
    path = tmp_path / "installation"
    path.write_text(text, "utf-8")
    name = installation(path)
    assert installation(path) == name
    assert re.fullmatch("[0-9a-f]{32}", name)


def test_where_it_cannot_be_kept_there_is_one_all_the_same(tmp_path, caplog):
    (tmp_path / "file").touch()
    assert re.fullmatch("[0-9a-f]{32}", installation(tmp_path / "file" / "installation"))
    assert "cannot be kept" in caplog.text


def test_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path))
    name = installation()
    assert places.installation_file().read_text("ascii") == name + "\n"
