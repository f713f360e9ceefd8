"""How a command ends when it cannot do its work."""

from __future__ import annotations

from typing import Final

from protocol import Failure, carriable

EXIT_FAILED: Final = 1
"""The work was tried and did not succeed."""

EXIT_USAGE: Final = 2
"""What was asked for makes no sense; nothing was tried. argparse's own code for it."""

EXIT_INTERRUPTED: Final = 130
"""Ended by Ctrl+C: 128 + SIGINT, as shells count."""


EXIT_UNREAD: Final = 141
"""Nobody reads what is printed any more, as after `scumble doctor | head`: 128 + SIGPIPE, as shells count."""


class Problem(Exception):
    """A command cannot go on: what happened, what to do, and the exit code."""

    def __init__(self, failure: Failure, code: int = EXIT_FAILED) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure
        self.code = code


def unusable(failure: Failure) -> Problem:
    """Return the problem of an argument or file that cannot be used, where it has been put into words already."""
    return Problem(failure, EXIT_USAGE)


def bad_input(code: str, happened: str, remedy: str) -> Problem:
    """Return the problem of an argument or file that cannot be used."""
    return unusable(Failure(code, carriable(happened), carriable(remedy)))
