"""Why the server cannot start."""

from __future__ import annotations

from protocol import Failure, carriable


class CannotServe(Exception):
    """The server cannot start; `failure` says why, and what to do. Names of files may stand in either text."""

    def __init__(self, code: str, happened: str, remedy: str) -> None:
        self.failure = Failure(code, carriable(happened), carriable(remedy))
        super().__init__(f"{self.failure.happened} {self.failure.remedy}")
