"""A style file says exactly what it means, or what is wrong with it."""

import pytest

from backend.cli.problem import EXIT_USAGE, Problem
from backend.cli.styles import load_style
from backend.styles import MAX_STYLE_BYTES
from protocol import Style

WHOLE = """
name = "Flat icons"
model = "starter"
sampler = "ddim"
steps = 20
guidance = 4
template = "{prompt} on a white background"
negative = "text"
"""


def test_a_style_is_found_by_name(tmp_path):
    (tmp_path / "flat.toml").write_text(WHOLE)
    assert load_style("flat", tmp_path) == Style(
        "Flat icons", "starter", "ddim", 20, 4.0, "{prompt} on a white background", "text"
    )


def test_a_style_is_found_by_path_and_named_after_its_file(tmp_path):
    (tmp_path / "soft.toml").write_text("steps = 5")
    assert load_style(str(tmp_path / "soft.toml"), tmp_path / "elsewhere") == Style("soft", steps=5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("stepz = 20", "unknown key 'stepz'"),
        ("steps = '20'", "expected int, got str at style.steps"),
        ("steps = 0", "steps must lie between 1 and 1000"),
        ("guidance = nan", "beyond the range of a double at style.guidance"),
        ("template = 'no place for words'", "must contain {prompt}"),
        ("steps = = 3", "no TOML"),
        ("#" * (MAX_STYLE_BYTES + 1), "larger than 64 KiB"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, says):
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(Problem) as caught:
        load_style("x", tmp_path)
    assert says in str(caught.value)
    assert caught.value.code == EXIT_USAGE


def test_bytes_that_are_no_text_are_said(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Problem, match="no TOML"):
        load_style("x", tmp_path)


def test_a_missing_style_names_those_there_are(tmp_path):
    (tmp_path / "flat.toml").write_text(WHOLE)
    with pytest.raises(Problem, match=r"Styles in .*: flat\."):
        load_style("flut", tmp_path)


@pytest.mark.parametrize("name", ["../flat", "/etc/passwd", "a/b"])
def test_a_name_is_no_path(tmp_path, name):
    (tmp_path.parent / "flat.toml").write_text(WHOLE)
    with pytest.raises(Problem, match="no style's name"):
        load_style(name, tmp_path)
