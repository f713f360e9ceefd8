"""The plugin's line in kritarc, and everything else there left alone."""

import os
import sys

import pytest

from backend.plugin import CannotInstall
from backend.plugin.switch import is_on, switch, switched_off, switched_on

ELSE = b"ResourceDirectory=/art\n\n[MainWindow]\nState=AAAA\xff\xfe\n\n[python]\nenable_tenbrushes=true\n\n[theme]\nTheme=Dark"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"[python]\nenable_scumble=true\n"),
        (b"[theme]\nTheme=Dark\n", b"[theme]\nTheme=Dark\n\n[python]\nenable_scumble=true\n"),
        (b"[theme]\nTheme=Dark", b"[theme]\nTheme=Dark\n\n[python]\nenable_scumble=true\n"),
        (b"[a]\r\nb=c\r\n", b"[a]\r\nb=c\r\n\r\n[python]\r\nenable_scumble=true\r\n"),
        (b"[python]", b"[python]\nenable_scumble=true\n"),
        (b"[python]\nenable_scumble=false\nenable_x=true\n", b"[python]\nenable_scumble=true\nenable_x=true\n"),
        (b"[python]\r\nenable_scumble = false\r\n", b"[python]\r\nenable_scumble=true\r\n"),
        (b"[python]\nenable_scumble=true\n", b"[python]\nenable_scumble=true\n"),
        # other groups and other keys that only look alike
        (
            b"[python][more]\nenable_scumble=false\n[python]\nenable_scumbler=false\n",
            b"[python][more]\nenable_scumble=false\n[python]\nenable_scumble=true\nenable_scumbler=false\n",
        ),
        (ELSE, ELSE.replace(b"[python]\n", b"[python]\nenable_scumble=true\n")),
    ],
)
def test_switching_on(before, after):
    assert switched_on(before) == after
    assert is_on(after)
    assert switched_on(after) == after


def test_switching_off_gives_back_what_was_there():
    assert switched_off(switched_on(ELSE)) == ELSE
    assert switched_off(ELSE) == ELSE


@pytest.mark.parametrize("settings", [b"", ELSE, b"[python]\nenable_scumble=false\n", b"[a]\nenable_scumble=true\n"])
def test_off(settings):
    assert not is_on(settings)


def test_the_file_keeps_its_mode_and_a_link_to_it_stays_one(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    real, config = tmp_path / "dotfiles" / "kritarc", tmp_path / "kritarc"
    real.write_bytes(ELSE)
    real.chmod(0o640)
    config.symlink_to(real)
    assert switch(config, True)
    assert not switch(config, True)
    assert config.is_symlink()
    assert is_on(real.read_bytes())
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in real.parent.iterdir()) == ["kritarc"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_written_is_told_of(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(CannotInstall, match="kritarc"):
        switch(tmp_path / "kritarc", True)


def test_a_folder_in_its_place_is_told_of(tmp_path):
    with pytest.raises(CannotInstall, match="cannot be changed"):
        switch(tmp_path, True)
