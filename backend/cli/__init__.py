"""The `scumble` command."""

from __future__ import annotations

import argparse
import io
import logging
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence

from backend.cli.parser import build_parser
from backend.cli.problem import EXIT_INTERRUPTED, EXIT_UNREAD, EXIT_USAGE, Problem
from backend.places import Places


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 asked for something that makes no sense."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a file's name may hold what no terminal can show; a picture that was painted is no failure for that
        sys.stdout.reconfigure(errors="replace")
    try:
        try:
            return _main(argv)
        finally:
            # what is still to be printed is printed here, where it shows whether somebody reads it
            sys.stdout.flush()
    except BrokenPipeError:
        # of printing: what is lost of a connection or a worker is dealt with where that is used
        _be_quiet()
        return EXIT_UNREAD


def _main(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        # whoever types the bare word wants to know what it can do
        parser.print_help(sys.stderr)
        return EXIT_USAGE
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING, format="%(levelname)s %(message)s"
    )
    if not arguments.verbose:
        # what libvips warns of are no words for a painter; what matters comes as a remark
        logging.getLogger("pyvips").setLevel(logging.ERROR)
    try:
        return _command(arguments.command)(arguments, Places.of_user())
    except Problem as problem:
        _complain(f"scumble: {problem.failure.happened}", problem.failure.remedy)
        return problem.code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _be_quiet() -> None:
    """Let what nobody reads go nowhere, so that Python does not complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())


def _complain(*sentences: str) -> None:
    """Print each on a line of its own, on a terminal wrapped between words."""
    width = shutil.get_terminal_size().columns
    for sentence in sentences:
        if sys.stderr.isatty():
            sentence = textwrap.fill(sentence, width, break_long_words=False, break_on_hyphens=False)
        print(sentence, file=sys.stderr)


def _command(name: str) -> Callable[[argparse.Namespace, Places], int]:
    """Return a command's function; imported only now, so that help needs none of it."""
    if name in ("fill", "generate"):
        from backend.cli import paint

        return paint.fill if name == "fill" else paint.generate
    if name in ("install-plugin", "uninstall-plugin"):
        from backend.cli import plugin

        return plugin.install_plugin if name == "install-plugin" else plugin.uninstall_plugin
    if name == "doctor":
        from backend.cli import doctor

        return doctor.doctor
    if name == "loras":
        from backend.cli import loras

        return loras.loras
    if name == "styles":
        from backend.cli import styles

        return styles.styles
    from backend.cli import service

    return {"serve": service.serve, "stop": service.stop, "status": service.status, "models": service.models}[name]
