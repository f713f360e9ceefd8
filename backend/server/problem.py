"""Why the server cannot start."""

from __future__ import annotations

from protocol import Failure


class CannotServe(Exception):
    """The server cannot start; `failure` says why, and what to do."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.happened} {failure.remedy}")
        self.failure = failure
