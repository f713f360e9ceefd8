"""The `scumble` command."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence

from backend.cli.parser import build_parser
from backend.cli.problem import EXIT_INTERRUPTED, Problem
from backend.places import Places


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 failed, 2 asked for something that makes no sense."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING, format="%(levelname)s %(message)s"
    )
    if not arguments.verbose:
        # what libvips warns of are no words for a painter; what matters comes as a remark
        logging.getLogger("pyvips").setLevel(logging.ERROR)
    try:
        return _command(arguments.command)(arguments, Places.of_user())
    except Problem as problem:
        print(f"scumble: {problem.failure.happened}\n{problem.failure.remedy}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _command(name: str) -> Callable[[argparse.Namespace, Places], int]:
    """Return a command's function; imported only now, so that help needs none of it."""
    if name in ("fill", "generate"):
        from backend.cli import paint

        return paint.fill if name == "fill" else paint.generate
    if name == "doctor":
        from backend.cli import doctor

        return doctor.doctor
    from backend.cli import service

    return {"serve": service.serve, "stop": service.stop, "status": service.status, "models": service.models}[name]
