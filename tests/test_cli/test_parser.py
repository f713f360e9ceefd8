"""What may be typed, and what is refused before anything starts."""

import subprocess
import sys

import pytest

from backend.cli import main
from backend.cli.parser import build_parser


def parse(*words):
    return build_parser().parse_args(words)


@pytest.mark.parametrize(("text", "value"), [("80%", 0.8), ("80 %", 0.8), ("0.8", 0.8), ("1", 1.0), ("100%", 1.0)])
def test_strength_is_a_share_or_a_percentage(text, value):
    assert parse("fill", "a.png", "-o", "b.png", "--strength", text).strength == pytest.approx(value)


@pytest.mark.parametrize(
    "words",
    [
        ("--strength", "0"),
        ("--strength", "101%"),
        ("--strength", "nan"),
        ("--strength", "much"),
        ("--steps", "0"),
        ("--steps", "2.5"),
        ("--guidance", "inf"),
        ("--seed", "-1"),
        ("--count", "17"),
        ("--layers", "0"),
        ("--layers", "11"),
        ("--grow", "5000"),
        ("--colour", "red"),
    ],
)
def test_nonsense_is_refused_with_the_usage_code(words, capsys):
    with pytest.raises(SystemExit) as caught:
        parse("fill", "a.png", "-o", "b.png", *words)
    assert caught.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_help_is_light():
    """Help must come at once: it may load none of the heavy libraries."""
    heavy = {"torch", "diffusers", "transformers", "numpy", "pyvips", "PIL", "websockets", "rich"}
    code = (
        "import sys; from backend.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert "usage: scumble" in ran.stdout
    assert ran.stderr.strip() == "[]"


def test_the_bare_word_tells_what_there_is(capsys):
    assert main([]) == 2
    assert "paint into a part of a picture" in capsys.readouterr().err


@pytest.mark.parametrize("command", [(), ("fill",), ("generate",), ("serve",)])
def test_help_reads_as_it_was_written(command, capsys):
    with pytest.raises(SystemExit):
        parse(*command, "--help")
    assert "%%" not in capsys.readouterr().out
