"""What keeps the plugin from being installed."""

from __future__ import annotations

from protocol import Failure, carriable


class CannotInstall(Exception):
    """Nothing was installed, or nothing removed; `failure` says why and what to do. Names of files may stand in either text."""

    def __init__(self, code: str, happened: str, remedy: str) -> None:
        self.failure = Failure(code, carriable(happened), carriable(remedy))
        super().__init__(f"{self.failure.happened} {self.failure.remedy}")


def not_written(path: object, error: OSError) -> CannotInstall:
    """Return the failure of a file or folder that cannot be written or removed."""
    return CannotInstall(
        "not_written",
        f"{path} cannot be changed: {error.strerror or error}.",
        "Close Krita, see to it that the folder is yours and that there is room, and try again.",
    )
