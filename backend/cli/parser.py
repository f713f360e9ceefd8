"""The command line's words. Imports nothing heavy: help must come at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from backend import __version__
from protocol import MAX_COUNT, MAX_GUIDANCE, MAX_LAYERS, MAX_MASK_REACH, MAX_SEED, MAX_SIDE, MAX_STEPS


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `scumble`; each command's namespace has its name in `command`, None when there was none."""
    parser = argparse.ArgumentParser(
        prog="scumble", description="Say what belongs in a part of a picture, and get it painted there."
    )
    parser.add_argument("--version", action="version", version=f"scumble {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell more of what happens")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_fill(commands)
    _add_generate(commands)
    _add_plugin(commands)
    _add_service(commands)
    return parser


Commands = argparse._SubParsersAction  # argparse gives it no public name


def _add_fill(commands: Commands[argparse.ArgumentParser]) -> None:
    fill = commands.add_parser(
        "fill",
        help="paint into a part of a picture, or over all of it",
        description="Paint into the masked part of a picture. Everything outside of the mask stays as it is, to the bit. "
        "Without a mask the whole picture is made anew (strength 100%) or refined (below).",
    )
    fill.add_argument("picture", type=Path, help="PNG (8 or 16 bit), JPEG, WebP or TIFF")
    fill.add_argument(
        "-m", "--mask", type=Path, help="a picture of the same size: white is painted, black stays, grey in between"
    )
    fill.add_argument(
        "--strength",
        type=_strength,
        default=1.0,
        help="100%% paints anew, less keeps more of what is there (default 100%%)",
    )
    fill.add_argument(
        "--grow", type=_whole(0, MAX_MASK_REACH), help="pixels beyond the mask in which the model may blend"
    )
    fill.add_argument("--feather", type=_whole(0, MAX_MASK_REACH), help="softness of the mask's edge in pixels")
    fill.add_argument(
        "--layers",
        type=_whole(1, MAX_LAYERS),
        default=0,
        help="take the picture, or the masked part of it, apart into so many layers with transparency, each in a file of its own: "
        "OUTPUT-1 is the lowest. For models that can, such as Qwen-Image-Layered; the prompt then says what is in the picture, "
        "and may be left out",
    )
    _add_painting(fill)


def _add_generate(commands: Commands[argparse.ArgumentParser]) -> None:
    generate = commands.add_parser(
        "generate", help="paint a new picture", description="Paint a new picture from words alone."
    )
    generate.add_argument("--width", type=_whole(1, MAX_SIDE), help="pixels (default: what the model paints best)")
    generate.add_argument("--height", type=_whole(1, MAX_SIDE), help="pixels (default: the width)")
    _add_painting(generate)


def _add_painting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-p", "--prompt", default="", help="what belongs there; left empty, it is filled from its surroundings"
    )
    parser.add_argument("-n", "--negative", default="", help="what must not be there")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="where to write; with --count or --layers, -1, -2, ... are added",
    )
    parser.add_argument(
        "--reference",
        type=Path,
        action="append",
        default=[],
        metavar="PICTURE",
        help="a picture for models that work from pictures; can be given several times",
    )
    parser.add_argument("--style", help="a preset: its file's name in the styles folder, or a path to a TOML file")
    parser.add_argument("--model", help="a model's id, as 'scumble models' lists it")
    parser.add_argument("--sampler", help="a sampler's name, as 'scumble models' lists it")
    parser.add_argument("--steps", type=_whole(1, MAX_STEPS), help="denoising steps")
    parser.add_argument("--guidance", type=_number(0, MAX_GUIDANCE), help="how closely the prompt is followed")
    parser.add_argument(
        "--seed", type=_whole(0, MAX_SEED), help="the same seed gives the same picture (default: a random one)"
    )
    parser.add_argument(
        "--count", type=_whole(1, MAX_COUNT), default=1, help="pictures to make, each with its own seed"
    )
    parser.add_argument("--preview-dir", type=Path, help="a folder for looks at the unfinished picture")


def _add_plugin(commands: Commands[argparse.ArgumentParser]) -> None:
    install = commands.add_parser(
        "install-plugin",
        help="put Scumble into Krita",
        description="Put the plugin into Krita's folder, switch it on, and tell it how this backend is started. Krita should be "
        "closed meanwhile. Doing it again is safe, and is how the plugin is updated.",
    )
    how = install.add_mutually_exclusive_group()
    how.add_argument("--link", action="store_true", help="for developers: let Krita run the plugin in the source tree")
    how.add_argument(
        "--zip",
        type=Path,
        metavar="FILE",
        help="only write the plugin as a zip, for Tools > Scripts > Import Python Plugin from File in Krita",
    )
    uninstall = commands.add_parser(
        "uninstall-plugin",
        help="take Scumble out of Krita",
        description="Take the plugin out of Krita's folder and switch it off. Models, styles and results stay.",
    )
    for parser in (install, uninstall):
        parser.add_argument(
            "--krita-resources",
            type=Path,
            metavar="FOLDER",
            help="Krita's resource folder (default: the usual ones; Krita names it in Settings > Manage Resources)",
        )


def _add_service(commands: Commands[argparse.ArgumentParser]) -> None:
    serve = commands.add_parser(
        "serve", help="run the backend here", description="Run the backend until it is stopped."
    )
    serve.add_argument("--port", type=_whole(0, 65535), default=0, help="port on this machine (default: a free one)")
    serve.add_argument(
        "--idle", type=_number(1, 10**9), metavar="SECONDS", help="stop after so long without clients and jobs"
    )
    stop = commands.add_parser("stop", help="stop the backend", description="Stop the backend of this user.")
    stop.add_argument("--force", action="store_true", help="even while jobs wait or run")
    for name, text in (
        ("status", "say what the backend does"),
        ("doctor", "look at everything Scumble needs, and say what to do where something is missing"),
        ("models", "list the models that are found"),
        ("loras", "list the LoRAs that are found, by the names that prompts ask for them"),
        ("styles", "list the styles that there are: your presets, and the models as they are"),
    ):
        commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must lie between {least} and {most}, got {value}")
        return value

    parse.__name__ = "whole number"
    return parse


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must lie between {least:g} and {most:g}, got {text}")
        return value

    parse.__name__ = "number"
    return parse


def _strength(text: str) -> float:
    """Return a strength above 0 up to 1, from "80%", "80 %" or "0.8"."""
    plain = text.strip()
    value = float(plain[:-1]) / 100 if plain.endswith("%") else float(plain)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most 100% (or 1), got {text}")
    return value
